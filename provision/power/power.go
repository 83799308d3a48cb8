// Package power controls boxes through their BMCs by IPMI 2.0 over LAN: power, and
// the next boot device. Every operation opens a session, acts, checks the result and closes
// the session. BMCs have few sessions, and an open one blocks the next for a minute.
package power

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"
)

// A Target is a BMC with the account to use.
type Target struct {
	Address  netip.AddrPort // port 623 when 0
	User     string         // at most 16 bytes
	Password string         // at most 20 bytes; never in an error or a log
	// EFI: the box boots by UEFI, so boot overrides carry the EFI bit.
	EFI bool
}

// String names the BMC and leaves the account out.
func (t Target) String() string { return t.Address.String() }

// LogValue keeps the password out of logs.
func (t Target) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Options tune a Controller; the zero value of each but Log is usable.
type Options struct {
	Log *slog.Logger // required
	// Timeout bounds one operation altogether, waiting for another one on the
	// same BMC included: 30 s when 0.
	Timeout time.Duration
	// Exchange is how long one datagram's answer may take: 1 s when 0.
	Exchange time.Duration
	// Retries is how often a datagram is sent again: 3 when 0, none when negative.
	Retries int
	// Settle bounds the time in which a box must reach the new power state: 15 s when 0.
	Settle time.Duration
	// Poll is the pause between two looks at it: 500 ms when 0.
	Poll time.Duration
	// Dial opens a UDP socket to a BMC; net.Dialer's DialContext when nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Controller talks to BMCs. It may be used from many goroutines: calls to one
// BMC go one after the other, calls to different ones don't wait for each other.
type Controller struct {
	opts Options
	log  *slog.Logger

	mu   sync.Mutex
	bmcs map[netip.AddrPort]*known
}

// known is this process's memory about a BMC.
type known struct {
	turn  chan struct{} // holds one token; a request to the BMC takes it
	suite types.CipherSuiteID
	found bool // suite worked before

	user     string // the user that operator is about
	operator bool   // the BMC refused this user as administrator and took it as operator
}

const (
	rmcpPort    = 623 // IPMI 2.0 §13.1.2
	maxUser     = 16  // IPMI 2.0 §22.28
	maxPassword = 20  // IPMI 2.0 §22.30
)

// New makes a Controller. It holds no sockets between operations.
func New(o Options) *Controller {
	fill := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	fill(&o.Timeout, 30*time.Second)
	fill(&o.Exchange, time.Second)
	fill(&o.Settle, 15*time.Second)
	fill(&o.Poll, 500*time.Millisecond)
	switch {
	case o.Retries == 0:
		o.Retries = 3
	case o.Retries < 0:
		o.Retries = 0
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Controller{opts: o, log: o.Log, bmcs: map[netip.AddrPort]*known{}}
}

func (t Target) check() (Target, error) {
	if !t.Address.Addr().IsValid() {
		return t, errors.New("power: the BMC has no address: give one in the inventory under bmc")
	}
	if t.Address.Port() == 0 {
		t.Address = netip.AddrPortFrom(t.Address.Addr(), rmcpPort)
	}
	if len(t.User) > maxUser || len(t.Password) > maxPassword {
		return t, fmt.Errorf("power: BMC %s: IPMI has room for users of %d bytes and passwords of %d: these are longer", t.Address, maxUser, maxPassword)
	}
	return t, nil
}

// bmc finds what is known about a BMC.
func (c *Controller) bmc(a netip.AddrPort) *known {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.bmcs[a]
	if k == nil {
		k = &known{turn: make(chan struct{}, 1)}
		k.turn <- struct{}{}
		c.bmcs[a] = k
	}
	return k
}

// do runs f in a session with a BMC, within the operation's time and in turn.
func (c *Controller) do(ctx context.Context, op string, t Target, f func(context.Context, *session) error) error {
	t, err := t.check()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	k := c.bmc(t.Address)
	select {
	case <-k.turn:
		defer func() { k.turn <- struct{}{} }()
	case <-ctx.Done():
		return &Error{Op: op, BMC: t.Address, Kind: ErrBusy, Err: ctx.Err()}
	}
	s, err := c.connect(ctx, t, k)
	if err != nil {
		return named(op, t, err)
	}
	defer s.close(ctx)
	if err := f(ctx, s); err != nil {
		return named(op, t, classify(err))
	}
	return nil
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
