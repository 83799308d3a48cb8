// Package redfish speaks Redfish (DSP0266) with BMCs, over an HTTP client of its own: it
// follows no redirect, bounds every body and every wait, and sends a password only over TLS
// to a BMC whose certificate is trusted. It reads only the few fields that are needed, each by
// itself, so that an odd one costs nothing else.
package redfish

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
	// Exchange is how long one request may take, its answer's body included: 30 s when 0.
	Exchange time.Duration
	// Dial opens a TCP connection to a BMC; net.Dialer's DialContext when nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the time of day by which a CA's certificates are judged; time.Now when nil.
	Now func() time.Time
}

// Port is where BMCs serve Redfish (HTTPS).
const Port = 443

const (
	exchange    = 30 * time.Second // some BMCs think about a login for 20 s
	dialLimit   = 10 * time.Second
	logoutLimit = 5 * time.Second // also when the operation's time is over
)

// Open implements bmc.Driver. It reads the service root without credentials and then logs in.
func (d Driver) Open(ctx context.Context, t bmc.Target, m *bmc.Memory) (bmc.Session, error) {
	if t.Address.Port() == 0 {
		t.Address = netip.AddrPortFrom(t.Address.Addr(), Port)
	}
	if m == nil {
		m = &bmc.Memory{}
	}
	d = d.filled()
	c, err := d.client(t)
	if err != nil {
		return nil, err
	}
	s := &session{c: c, target: t, memory: m, log: d.Log.With("bmc", t)}
	if err := s.open(ctx); err != nil {
		s.Close(ctx)
		return nil, err
	}
	return s, nil
}

func (d Driver) filled() Driver {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Exchange == 0 {
		d.Exchange = exchange
	}
	if d.Dial == nil {
		d.Dial = (&net.Dialer{Timeout: dialLimit}).DialContext
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return d
}
