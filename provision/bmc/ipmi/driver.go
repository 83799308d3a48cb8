// Package ipmi speaks IPMI 2.0 over LAN (RMCP+) with BMCs, by go-ipmi's client. A guard
// between the two checks what the client doesn't.
package ipmi

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"rackhand/provision/bmc"
)

// A Driver opens sessions; its zero value is usable.
type Driver struct {
	Log *slog.Logger
	// Exchange is how long the answer to one message may take: 800 ms when 0. The later tries
	// in a session wait up to three times as long.
	Exchange time.Duration
	// Retries is how often a message is sent again: 4 when 0, none when negative. With them,
	// one call in 2,000 fails where the network loses 20 % each way.
	Retries int
	// Dial opens a UDP socket to a BMC; net.Dialer's DialContext when nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Sleep waits, or ends with the context; a timer's wait when nil.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Port is where BMCs listen (IPMI 2.0 §13.1.2).
const Port = 623

const (
	maxUser     = 16 // IPMI 2.0 §22.28
	maxPassword = 20 // IPMI 2.0 §22.30
)

// Open implements bmc.Driver.
func (d Driver) Open(ctx context.Context, t bmc.Target, m *bmc.Memory) (bmc.Session, error) {
	if t.Address.Port() == 0 {
		t.Address = netip.AddrPortFrom(t.Address.Addr(), Port)
	}
	if len(t.User) > maxUser || len(t.Password) > maxPassword {
		return nil, &bmc.Error{Kind: bmc.ErrCredentials, Hint: "IPMI has room for users of 16 bytes and passwords of 20: shorten them, in the BMC too"}
	}
	l, err := d.connect(ctx, t, m)
	if err != nil {
		return nil, err
	}
	return &session{link: l, log: d.log().With("bmc", t), target: t, driver: d, memory: m}, nil
}

func (d Driver) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}

func (d Driver) exchange() time.Duration {
	if d.Exchange == 0 {
		return 800 * time.Millisecond
	}
	return d.Exchange
}

func (d Driver) retries() int {
	switch {
	case d.Retries == 0:
		return 4
	case d.Retries < 0:
		return 0
	}
	return d.Retries
}

func (d Driver) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.Dial == nil {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return d.Dial(ctx, network, address)
}

func (d Driver) sleep(ctx context.Context, pause time.Duration) error {
	if d.Sleep != nil {
		return d.Sleep(ctx, pause)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
