package ipmi

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/crypto"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// A liar is the connection to a BMC that is honest at the login, and then answers what
// it likes, sealed by the session's keys: it reads along and has them.
type liar struct {
	net.Conn
	along *guard

	mu     sync.Mutex
	lies   bool
	data   []byte // its answer to each request
	form   bool   // in the form of an IPMI message
	answer []byte // to the last request
	header []byte // of its last honest answer
	seq    uint32
}

func (l *liar) Read(b []byte) (int, error) {
	l.mu.Lock()
	lies, answer := l.lies, l.answer
	l.answer = nil
	l.mu.Unlock()
	switch {
	case lies && answer == nil:
		return 0, io.EOF // rather than silence, which takes time
	case lies:
		return copy(b, answer), nil
	}
	n, err := l.Conn.Read(b)
	if err != nil || n <= headerSize {
		return n, err
	}
	l.along.judge(b[:n])
	if b[5] == flagSealed {
		l.header, l.seq = append([]byte(nil), b[:headerSize]...), binary.LittleEndian.Uint32(b[10:])
	}
	return n, err
}

func (l *liar) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.along.sent(b)
	if !l.lies {
		return l.Conn.Write(b)
	}
	request, err := crypto.DecryptAESPayload(b[headerSize:headerSize+int(binary.LittleEndian.Uint16(b[14:]))], l.along.k2)
	if err != nil {
		return 0, err
	}
	message := l.data
	if l.form {
		message = reply(request, l.data)
	}
	l.answer, err = l.seal(message)
	return len(b), err
}

// reply has the sequence number and the command of a request (IPMI 2.0 table 13-8), and
// data of the liar's.
func reply(request, data []byte) []byte {
	m := append([]byte{0x81, request[1] | 4, 0, 0x20, request[4], request[5]}, data...)
	m[2] = -(m[0] + m[1])
	sum := byte(0)
	for _, b := range m[3:] {
		sum += b
	}
	return append(m, -sum)
}

// seal makes a message one of the session's.
func (l *liar) seal(message []byte) ([]byte, error) {
	l.seq++
	return l.along.seal(payloadIPMI, message, binary.LittleEndian.Uint32(l.header[6:]), l.seq)
}

// FuzzBMC: a BMC that holds the session's keys may answer anything. No answer ends the
// program, in whichever goroutine of the library it is read, and none is waited for.
func FuzzBMC(f *testing.F) {
	f.Add([]byte{0, 0x21, 0x10, 0x40, 0x54}, byte(0), true)
	f.Add([]byte{0, 1, 5, 0xe0, 4, 0, 0, 0}, byte(2), true)
	f.Add([]byte{0, 4}, byte(3), true)
	f.Add([]byte{0xc1}, byte(1), true)
	f.Add([]byte{0x81, 0x04, 0x7b, 0x20, 0x04, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00}, byte(3), false)
	for _, r := range bmctest.Records() {
		f.Add(r, byte(16), true)
	}
	for command := range byte(17) {
		f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, command, true)
		f.Add(make([]byte, 20), command, true)
	}
	b := bmctest.Serve(f)
	var l *liar
	d := Driver{
		Exchange: 10 * time.Second, Retries: -1, Sleep: func(context.Context, time.Duration) error { return nil }, Log: slog.New(slog.DiscardHandler),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			along, err := newGuard(nil, b.Target, types.CipherSuiteID17, slog.New(slog.DiscardHandler))
			l = &liar{Conn: conn, along: along}
			return l, err
		},
	}
	s, err := d.open(f.Context(), b.Target, types.CipherSuiteID17, types.PrivilegeLevelAdministrator)
	if err != nil {
		f.Fatal(err)
	}
	if l.lies = true; len(l.header) == 0 {
		f.Fatal("no sealed answer was seen")
	}
	// An honest answer is understood, or nothing would be tried.
	l.data, l.form = []byte{0, 0x21, 0x10, 0x40, 0x54}, true
	if st, err := s.Status(f.Context()); err != nil || !st.On {
		f.Fatalf("%+v, %v", st, err)
	}
	f.Fuzz(func(t *testing.T, data []byte, command byte, form bool) {
		if len(data) > 1000 {
			return
		}
		l.mu.Lock()
		l.data, l.form = data, form
		l.mu.Unlock()
		switch command % 17 {
		case 0:
			_, _ = s.Status(t.Context())
		case 1:
			_ = s.Power(t.Context(), bmc.PowerOn)
		case 2:
			_ = s.SetBoot(t.Context(), bmc.Boot{Device: bmc.PXE, EFI: true})
		case 3:
			_ = s.raise(t.Context(), types.PrivilegeLevelAdministrator)
		case 4:
			_, _ = s.Boot(t.Context())
		case 5:
			_ = s.Identify(t.Context(), true)
		case 6:
			_, _ = s.Info(t.Context())
		case 7:
			_, _ = s.Sensors(t.Context())
		case 8:
			_, _ = s.Log(t.Context(), 3)
		case 9:
			_ = s.ClearLog(t.Context())
		case 10:
			_, _ = s.LogState(t.Context())
		case 11:
			_, _ = s.Network(t.Context())
		case 12:
			_ = s.SetNetwork(t.Context(), bmc.Network{DHCP: true, VLAN: 5})
		case 13:
			_, _ = s.Users(t.Context())
		case 14:
			_ = s.SetUser(t.Context(), bmc.Account{Name: "x", Privilege: bmc.User, Enabled: true}, "y")
		case 15:
			_, _ = s.Clock(t.Context())
		case 16:
			for _, d := range records(data) {
				if d, ok := d.read(data); ok && (d.Health == "" || d.Kind == "") {
					t.Errorf("%+v", d)
				}
			}
		}
		s.sdrs, s.offset, s.memory.Sensors = nil, nil, nil
	})
}

// records are the sensors that a record describes.
func records(data []byte) (all []described) {
	safely(func() {
		if sdr, err := types.ParseSDR(data, 0); err == nil {
			all = describe([]*types.SDR{sdr})
		}
	})
	return all
}
