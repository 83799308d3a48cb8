package power

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"
)

// meddler is a UDP relay in front of a BMC that may change its answers.
func meddler(t *testing.T, b *testBMC, change func([]byte) [][]byte) Target {
	t.Helper()
	return between(t, b.target, pass, change)
}

func pass(d []byte) [][]byte { return [][]byte{d} }

// between is a UDP relay in front of a BMC that makes of each request and of each
// answer what it likes.
func between(t *testing.T, target Target, requests, answers func([]byte) [][]byte) Target {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	bmc := target.Address.String()
	var wg sync.WaitGroup
	backs := map[string]net.Conn{} // a BMC distinguishes clients by their ports
	answer := func(back net.Conn, to net.Addr) {
		buf := make([]byte, maxDatagram)
		for {
			n, err := back.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			for _, d := range answers(bytes.Clone(buf[:n])) {
				_, _ = front.WriteTo(d, to)
			}
		}
	}
	wg.Go(func() {
		defer func() {
			for _, back := range backs {
				_ = back.Close()
			}
		}()
		buf := make([]byte, maxDatagram)
		for {
			n, from, err := front.ReadFrom(buf)
			if err != nil {
				return
			}
			back := backs[from.String()]
			if back == nil {
				if back, err = net.Dial("udp4", bmc); err != nil {
					return
				}
				backs[from.String()] = back
				to := back
				wg.Go(func() { answer(to, from) })
			}
			for _, d := range requests(bytes.Clone(buf[:n])) {
				_, _ = back.Write(d)
			}
		}
	})
	t.Cleanup(func() {
		_ = front.Close()
		wg.Wait()
	})
	target.Address = front.LocalAddr().(*net.UDPAddr).AddrPort()
	return target
}

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
		}, false, ErrUnreachable},
		{"sealed answers replaced by plain ones: power is on, it says", func(d []byte) [][]byte {
			if !sealed(d) {
				return [][]byte{d}
			}
			msg := []byte{0x81, 0x04, 0x7b, 0x20, 0x04, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00}
			p := append(append([]byte(nil), d[:headerSize]...), msg...)
			p[5] = payloadIPMI
			binary.LittleEndian.PutUint16(p[14:], uint16(len(msg)))
			return [][]byte{p}
		}, false, ErrUnreachable},
		{"no algorithms", func(d []byte) [][]byte {
			if len(d) >= headerSize+openRespSize && d[5] == payloadOpenResp {
				d[headerSize+16], d[headerSize+24], d[headerSize+32] = 0, 0, 0
			}
			return [][]byte{d}
		}, false, ErrCipher},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := serveBMC(t)
			target := meddler(t, b, tt.change)
			c := New(Options{Exchange: 100 * time.Millisecond, Retries: 1, Timeout: 5 * time.Second})
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
		g, err := newGuard(nil, Target{User: user, Password: password}, types.CipherSuiteID17, slog.New(slog.DiscardHandler))
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

func TestErrorText(t *testing.T) {
	err := &Error{Op: "set the boot device", BMC: Target{}.Address, Kind: ErrUnreachable, Err: errors.New("why")}
	for _, want := range []string{"set the boot device", "doesn't answer", "(why)", "check its address"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}
