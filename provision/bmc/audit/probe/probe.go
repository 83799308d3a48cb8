package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// A Prober asks BMCs.
type Prober struct {
	// Dial opens a socket; net.Dialer's DialContext when nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Exchange is how long one datagram's answer may take: 1 s when 0.
	Exchange time.Duration
	// Tries is how often a datagram is sent: 2 when 0.
	Tries int
	// Connect bounds the connection by TLS and the answer over it: 5 s when 0.
	Connect time.Duration
	Random  io.Reader // required
}

// ErrSilent: nothing answered.
var ErrSilent = errors.New("no answer")

// A refusedError is the completion code of a command that was refused (IPMI 2.0 table 5-2).
type refusedError byte

func (e refusedError) Error() string {
	return fmt.Sprintf("refused with completion code %02Xh", byte(e))
}

func (p Prober) dial(ctx context.Context, network string, at netip.AddrPort) (net.Conn, error) {
	if p.Dial != nil {
		return p.Dial(ctx, network, at.String())
	}
	return (&net.Dialer{}).DialContext(ctx, network, at.String())
}

// maxDatagram is more than any answer that is read here has.
const maxDatagram = 1024

// ask sends a datagram until read takes an answer. Datagrams that read doesn't take because
// they answer something else (errNotAnswer) are dropped.
func (p Prober) ask(ctx context.Context, c net.Conn, datagram []byte, read func([]byte) error) error {
	exchange, tries := p.Exchange, p.Tries
	if exchange == 0 {
		exchange = time.Second
	}
	if tries == 0 {
		tries = 2
	}
	b := make([]byte, maxDatagram)
	for range tries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := c.Write(datagram); err != nil {
			return fmt.Errorf("%w: %w", ErrSilent, err)
		}
		deadline := time.Now().Add(exchange)
		if over, ok := ctx.Deadline(); ok && over.Before(deadline) {
			deadline = over
		}
		if err := c.SetReadDeadline(deadline); err != nil {
			return err
		}
		for {
			n, err := c.Read(b)
			if err != nil {
				break
			}
			if err := read(b[:n]); !errors.Is(err, errNotAnswer) {
				return err
			}
		}
	}
	return ErrSilent
}
