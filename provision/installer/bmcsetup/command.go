package bmcsetup

import (
	"context"
	"fmt"
)

// Network functions (IPMI 2.0 table 5-1).
const (
	app       = 0x06
	transport = 0x0c
)

// Commands (IPMI 2.0 appendix G).
const (
	setChannelAccess = 0x40 // App
	getChannelAccess = 0x41
	getChannelInfo   = 0x42
	setUserAccess    = 0x43
	getUserAccess    = 0x44
	setUserName      = 0x45
	getUserName      = 0x46
	setUserPassword  = 0x47
	setLAN           = 0x01 // Transport
	getLAN           = 0x02
)

// A refusal is a completion code other than 00h.
type refusal struct {
	what string
	code byte
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the BMC refuses to %s (%s)", r.what, codeText(r.code))
}

// codeText names a completion code (IPMI 2.0 table 5-2).
func codeText(code byte) string {
	name := map[byte]string{
		0x80: "parameter not supported", 0x82: "the parameter is read-only", 0xc0: "busy", 0xc1: "invalid command",
		0xc7: "wrong length", 0xc8: "field too long", 0xc9: "parameter out of range", 0xcb: "not present",
		0xcc: "invalid field", 0xd4: "not allowed on this interface", 0xd5: "not supported in this state", 0xd6: "the command is switched off",
	}[code]
	if name == "" {
		return fmt.Sprintf("completion code %02Xh", code)
	}
	return fmt.Sprintf("%s, completion code %02Xh", name, code)
}

// ask sends a command whose answer has at least a number of bytes. what completes "the BMC
// refuses to".
func ask(ctx context.Context, d Device, what string, least int, netFn, cmd byte, data ...byte) ([]byte, error) {
	code, answer, err := d.Do(ctx, netFn, cmd, data...)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", what, err)
	case code != 0:
		return nil, &refusal{what, code}
	case len(answer) < least:
		return nil, fmt.Errorf("%s: the BMC's answer has %d bytes, %d are wanted", what, len(answer), least)
	}
	return answer, nil
}
