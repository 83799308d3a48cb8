package power

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/command/chassis"
	"github.com/bougou/go-ipmi/pkg/crypto"
	"github.com/bougou/go-ipmi/pkg/types"
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

// seal makes a message one of the session's (IPMI 2.0 table 13-8).
func (l *liar) seal(message []byte) ([]byte, error) {
	payload, err := crypto.EncryptAESPayload(message, l.along.k2, make([]byte, 16))
	if err != nil {
		return nil, err
	}
	b := append(append([]byte(nil), l.header...), payload...)
	l.seq++
	binary.LittleEndian.PutUint32(b[10:], l.seq)
	binary.LittleEndian.PutUint16(b[14:], uint16(len(payload)))
	pad := byte(0)
	for ; (len(b)-rmcpHeader+2)%4 != 0; pad++ {
		b = append(b, 0xff)
	}
	b = append(b, pad, 7)
	code, err := crypto.SessionIntegrityAuthCode(l.along.integrity, b[rmcpHeader:], l.along.k1, password)
	return append(b, code...), err
}

// FuzzBMC: a BMC that holds the session's keys may answer anything. No answer ends the
// program, in whichever goroutine of the library it is read, and none is waited for.
func FuzzBMC(f *testing.F) {
	f.Add([]byte{0, 0x21, 0x10, 0x40, 0x54}, byte(0), true)
	f.Add([]byte{0, 1, 5, 0xe0, 4, 0, 0, 0}, byte(2), true)
	f.Add([]byte{0, 4}, byte(3), true)
	f.Add([]byte{0xc1}, byte(1), true)
	f.Add([]byte{0x81, 0x04, 0x7b, 0x20, 0x04, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00}, byte(3), false)
	b := serveBMC(f)
	var l *liar
	c := New(Options{
		Exchange: 10 * time.Second, Retries: -1, Log: slog.New(slog.DiscardHandler),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			along, err := newGuard(nil, b.target, types.CipherSuiteID17, slog.New(slog.DiscardHandler))
			l = &liar{Conn: conn, along: along}
			return l, err
		},
	})
	s, err := c.login(f.Context(), b.target, types.CipherSuiteID17, types.PrivilegeLevelAdministrator)
	if err != nil {
		f.Fatal(err)
	}
	if l.lies = true; len(l.header) == 0 {
		f.Fatal("no sealed answer was seen")
	}
	// An honest answer is understood, or nothing would be tried.
	l.data, l.form = []byte{0, 0x21, 0x10, 0x40, 0x54}, true
	if st, err := s.status(f.Context()); err != nil || !st.On {
		f.Fatalf("%+v, %v", st, err)
	}
	f.Fuzz(func(t *testing.T, data []byte, command byte, form bool) {
		if len(data) > 1000 {
			return
		}
		l.mu.Lock()
		l.data, l.form = data, form
		l.mu.Unlock()
		switch command % 5 {
		case 0:
			_, _ = s.status(t.Context())
		case 1:
			_ = s.control(t.Context(), chassis.ChassisControlPowerUp)
		case 2:
			_, _ = s.setBoot(t.Context(), PXE, BootOptions{EFI: true})
		case 3:
			_ = s.raise(t.Context(), types.PrivilegeLevelAdministrator)
		case 4:
			_, _ = s.readBoot(t.Context())
		}
	})
}
