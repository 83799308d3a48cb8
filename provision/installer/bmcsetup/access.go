package bmcsetup

import (
	"context"
	"strings"
)

// Access modes of a channel (IPMI 2.0 table 6-4).
const (
	accessAlways = 2
	accessShared = 3
)

// accessSteps compares the channel's access, as stored and as it is now (IPMI 2.0 §22.22,
// §22.23).
func accessSteps(ctx context.Context, d Device, channel byte, want Settings) ([]step, error) {
	var out []step
	for _, kind := range []struct {
		bits byte
		name string
	}{{0x40, "after its next restart"}, {0x80, "now"}} {
		have, err := ask(ctx, d, "say whether IPMI over LAN is switched on", 2, app, getChannelAccess, channel, kind.bits)
		if err != nil {
			return nil, err
		}
		if s, ok := accessStep(channel, kind.bits, have[0], have[1]&0x0f, want.level()); ok {
			s.what += ", " + kind.name
			out = append(out, s)
		}
	}
	return out, nil
}

// accessStep switches a channel on, and raises its limit to the account's level. All else
// stays.
func accessStep(channel, kind, have, limit, level byte) (step, bool) {
	var what []string
	mode, raise := have&0x07, byte(0) // 0: the limit isn't changed
	if mode != accessAlways && mode != accessShared {
		mode = accessAlways
		what = append(what, "IPMI over LAN switched on")
	}
	if limit < level {
		raise = kind | level
		what = append(what, "IPMI over LAN up to "+levelName(level))
	}
	data := []byte{channel, kind | have&0x38 | mode, raise}
	return step{what: strings.Join(what, " and "), netFn: app, cmd: setChannelAccess, data: data}, len(what) > 0
}
