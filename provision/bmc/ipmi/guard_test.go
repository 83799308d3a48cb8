package ipmi

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/power"
)

// meddler is a UDP relay in front of a BMC that may change its answers.
func meddler(t *testing.T, b *bmctest.BMC, change func([]byte) [][]byte) bmc.Target {
	t.Helper()
	return bmctest.Relay(t, b.Target, pass, change)
}

func pass(d []byte) [][]byte { return [][]byte{d} }

// TestMeddler: packets of a machine in the middle are not believed, and don't crash us.
func TestMeddler(t *testing.T) {
	sealed := func(d []byte) bool { return len(d) > headerSize && d[5] == flagSealed }
	for _, tt := range []struct {
		name   string
		change func([]byte) [][]byte
		ok     bool // the operation still succeeds
		want   error
	}{
		{"as it is", func(d []byte) [][]byte { return [][]byte{d} }, true, nil},
		{"each answer twice", func(d []byte) [][]byte { return [][]byte{d, d} }, true, nil},
		{"rubbish before each", func(d []byte) [][]byte { return [][]byte{{}, {6}, d[:len(d)/2], make([]byte, 1500), d} }, true, nil},
		{"sealed answers with a bit flipped", func(d []byte) [][]byte {
			if sealed(d) {
				d[headerSize+20] ^= 1
			}
			return [][]byte{d}
		}, false, bmc.ErrMalformed},
		{"sealed answers replaced by plain ones: power is on, it says", func(d []byte) [][]byte {
			if !sealed(d) {
				return [][]byte{d}
			}
			msg := []byte{0x81, 0x04, 0x7b, 0x20, 0x04, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00}
			p := append(append([]byte(nil), d[:headerSize]...), msg...)
			p[5] = payloadIPMI
			binary.LittleEndian.PutUint16(p[14:], uint16(len(msg)))
			return [][]byte{p}
		}, false, bmc.ErrMalformed},
		{"no algorithms", func(d []byte) [][]byte {
			if len(d) >= headerSize+openRespSize && d[5] == payloadOpenResp {
				d[headerSize+16], d[headerSize+24], d[headerSize+32] = 0, 0, 0
			}
			return [][]byte{d}
		}, false, bmc.ErrCipher},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bmctest.Serve(t)
			target := meddler(t, b, tt.change)
			c := controllerOf(Driver{Exchange: 100 * time.Millisecond, Retries: 1}, power.Options{Timeout: 5 * time.Second})
			seen, err := c.Status(t.Context(), target)
			if tt.ok && err != nil {
				t.Errorf("%v", err)
			}
			if !tt.ok && !errors.Is(err, tt.want) {
				t.Errorf("believed: %+v, %v", seen, err)
			}
		})
	}
}

func FuzzGuard(f *testing.F) {
	f.Add([]byte{6, 0, 0xff, 7, 6, payloadOpenResp, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 1, 0, 0, 0, 0, 0, 0}, byte(payloadOpenResp))
	f.Add(append([]byte{6, 0, 0xff, 7, 6, flagSealed, 1, 0, 0, 0, 1, 0, 0, 0, 32, 0}, make([]byte, 60)...), byte(payloadIPMI))
	f.Add([]byte{6, 0, 0xff, 7}, byte(payloadRAKP2))
	f.Fuzz(func(t *testing.T, d []byte, expect byte) {
		g, err := newGuard(nil, bmc.Target{User: bmctest.User, Password: bmctest.Password}, types.CipherSuiteID17, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		g.sent(d)
		g.expect = expect
		g.k1, g.k2 = make([]byte, 32), make([]byte, 32)
		if answer, why := g.judge(d); why == "" && len(answer) < headerSize+setupError {
			t.Errorf("% x passed as % x", d, answer)
		}
	})
}
