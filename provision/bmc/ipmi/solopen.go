package ipmi

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// The first instance of the payload "SOL" (IPMI 2.0 table 13-16), as the commands of §24
// take it.
const (
	payloadSOL  = 0x01
	solInstance = 1
	// solSealed asks the BMC to encrypt and authenticate the console (table 24-2).
	solSealed = 0xc0
)

// Completion codes of Activate Payload, IPMI 2.0 table 24-2.
const (
	codeActive   = types.CompletionCode(0x80) // in another session
	codeDisabled = types.CompletionCode(0x81)
	codeLimit    = types.CompletionCode(0x82)
)

const (
	takeoverTries = 6
	takeoverPause = 500 * time.Millisecond
)

var _ bmc.Consoles = Driver{}

// OpenConsole implements bmc.Consoles by serial over LAN (IPMI 2.0 §15).
func (d Driver) OpenConsole(ctx context.Context, t bmc.Target, m *bmc.Memory, takeover bool) (io.ReadWriteCloser, error) {
	opened, err := d.Open(ctx, t, m)
	if err != nil {
		return nil, err
	}
	s := opened.(*session) //nolint:errcheck // Open makes no other
	size, err := s.activate(ctx, takeover)
	if err != nil {
		s.Close(ctx)
		return nil, err
	}
	return s.stream(size), nil
}

// activate attaches the session to the serial port. It returns how many characters a packet
// to the BMC may have.
func (s *session) activate(ctx context.Context, takeover bool) (int, error) {
	for try := 0; ; try++ {
		answer, err := s.ask(ctx, types.CommandActivatePayload, payloadSOL, solInstance, solSealed, 0, 0, 0)
		if err == nil {
			return solCapacity(answer)
		}
		r, refused := types.IsResponseError(err)
		if !refused {
			return 0, err
		}
		switch r.CompletionCode() {
		case codeActive, codeLimit:
			holder, own := s.consoleHolder(ctx)
			if !takeover && !own || try >= takeoverTries {
				return 0, &bmc.Error{Kind: bmc.ErrConsoleBusy, Err: holder}
			}
			// A BMC that has freed it already refuses this.
			_, _ = s.ask(ctx, types.CommandDeactivatePayload, payloadSOL, solInstance, 0, 0, 0, 0)
			select {
			case <-time.After(takeoverPause * time.Duration(min(try, 1))):
			case <-ctx.Done():
				return 0, s.named(ctx.Err())
			}
		case codeDisabled:
			return 0, &bmc.Error{Kind: bmc.ErrConsoleOff}
		default:
			return 0, err
		}
	}
}

// solCapacity reads Activate Payload's answer (table 24-2): auxiliary data, the sizes of
// payloads to and from the BMC, the UDP port.
func solCapacity(answer []byte) (int, error) {
	if len(answer) < 8 {
		return 0, short(types.CommandActivatePayload, answer, 12)
	}
	size := int(binary.LittleEndian.Uint16(answer[4:])) - solHeader
	if size < 1 {
		size = 1
	}
	return min(size, solMaxChars), nil
}

// consoleHolder finds the client that holds the console (IPMI 2.0 §24.5, §22.20), and
// whether that is this session: the answer to its first Activate Payload was lost.
func (s *session) consoleHolder(ctx context.Context) (holder error, own bool) {
	info, err := s.ask(ctx, types.CommandGetPayloadInstanceInfo, payloadSOL, solInstance)
	if err != nil || len(info) < 4 {
		return nil, false
	}
	id := binary.LittleEndian.Uint32(info)
	if id != 0 && (id == binary.LittleEndian.Uint32(s.guard.sessionID()) || id == s.guard.consoleID) {
		return nil, true
	}
	of, err := s.ask(ctx, types.CommandGetSessionInfo, append([]byte{0xff}, info[:4]...)...)
	if err != nil || len(of) < 10 {
		return fmt.Errorf("session %08x", id), false
	}
	return fmt.Errorf("a session of user %d from %s", of[3]&0x3f, netip.AddrFrom4([4]byte(of[6:10]))), false
}
