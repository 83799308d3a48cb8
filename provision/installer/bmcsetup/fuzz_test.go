package bmcsetup

import (
	"context"
	"strings"
	"testing"
	"time"
)

// FuzzRun gives answers that no BMC should give: nothing panics, no secret is told, and slot 1
// is never written to.
func FuzzRun(f *testing.F) {
	f.Add([]byte("\x00\x09\x01\x04\x01\x80\xf2\x1b\x00\x00\x00"), uint8(3))
	f.Add([]byte("\x00\x05\x08\x41\x01\x14\xff"), uint8(1))
	f.Add([]byte{0, 4, 63, 64, 0, 15, 0xcc, 0}, uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, every uint8) {
		n := 0
		next := func() byte {
			if n++; len(data) == 0 {
				return 0
			}
			return data[(n-1)%len(data)]
		}
		want := settings()
		dev := deviceFunc(func(_ context.Context, netFn, cmd byte, sent ...byte) (byte, []byte, error) {
			if netFn == app && (cmd == setUserName || cmd == setUserPassword) && sent[0]&0x3f < 2 || netFn == app && cmd == setUserAccess && sent[1]&0x3f < 2 {
				t.Fatalf("slot 1 is written to: %02x % x", cmd, sent)
			}
			code := next()
			if every > 0 && n%int(every) != 0 {
				code = 0
			}
			answer := make([]byte, next()%24)
			for i := range answer {
				answer[i] = next()
			}
			return code, answer, nil
		})
		changed, err := Run(t.Context(), dev, want, func(context.Context, time.Duration) error { return nil })
		if text := strings.Join(changed, "") + errorText(err); strings.Contains(text, want.Password) {
			t.Errorf("the password is in %q", text)
		}
	})
}
