// Package routeradvert answers IPv6 router solicitations, so that iPXE boots without
// waiting for a router that doesn't exist.
package routeradvert

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"

	"rackhand/provision/links"
)

// An Advertiser answers router solicitations (RFC 4861) on one link. Its advertisement
// offers nothing: no router, no prefix, no DHCPv6. iPXE configures IPv6 before it goes
// on, and waits some 13 s when no router answers. The Advertiser sends nothing
// unsolicited, and answers only the client that asked: other hosts keep the settings
// of a real router.
type Advertiser struct {
	Interface string       // the link, in the network namespace that Run runs in
	Log       *slog.Logger // discarded when nil
}

// writeTimeout is how long Run waits for one answer to be sent.
const writeTimeout = 10 * time.Millisecond

// retryDelay is how long Run waits before it tries again after the link failed.
const retryDelay = time.Second

// Run answers until ctx ends, then returns nil. Errors are logged and retried: a link
// without IPv6 delays each boot by some seconds, but DHCP still works there.
func (a *Advertiser) Run(ctx context.Context) error {
	log := a.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	warned := false
	for ctx.Err() == nil {
		err := a.serve(ctx, log, func() { warned = false })
		if ctx.Err() != nil {
			break
		}
		if !warned {
			log.Warn("router advertisements: cannot send any, so iPXE waits some 13 s at each boot; retrying", "interface", a.Interface, "error", err)
			warned = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryDelay):
		}
	}
	return nil
}

// serve listens and answers until ctx ends or the link fails. It calls listening once
// the socket is open.
func (a *Advertiser) serve(ctx context.Context, log *slog.Logger, listening func()) error {
	ifi, conn, err := a.listen()
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // a socket receives nothing from an interface that was created again
		if links.Watch(ctx, a.Interface, ifi.Index) != nil {
			cancel()
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	log.Info("router advertisements: answering", "interface", a.Interface)
	listening()
	for {
		m, cm, from, err := conn.ReadFrom()
		if err != nil {
			return err
		}
		to, ok := solicitor(m, cm, from)
		if !ok || cm.IfIndex != ifi.Index {
			continue
		}
		// The kernel queues packets to addresses that don't resolve, for seconds. A full
		// queue must not block the next answer.
		if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if err := conn.WriteTo(advertisement(ifi.HardwareAddr), nil, to); err != nil {
			// This is normal while duplicate address detection runs on a link that just
			// came up. iPXE asks again.
			log.Debug("router advertisements: one was not sent", "to", to, "error", err)
		}
	}
}

// listen opens a socket that receives router solicitations on the link.
func (a *Advertiser) listen() (ifi *net.Interface, conn *ndp.Conn, err error) {
	if ifi, err = net.InterfaceByName(a.Interface); err != nil {
		return nil, nil, fmt.Errorf("interface %s: %w", a.Interface, err)
	}
	// It doesn't bind to the link-local address: a bridge has none before the first box
	// on it is powered on, and that box is the one that asks. The kernel chooses that
	// address as the source when we answer.
	if conn, _, err = ndp.Listen(ifi, ndp.Unspecified); err != nil {
		return nil, nil, fmt.Errorf("listen for router solicitations: %w", err)
	}
	if err := a.prepare(conn); err != nil {
		conn.Close()
		return nil, nil, err
	}
	return ifi, conn, nil
}

func (a *Advertiser) prepare(conn *ndp.Conn) error {
	var filter ipv6.ICMPFilter
	filter.SetAll(true)
	filter.Accept(ipv6.ICMPTypeRouterSolicitation)
	if err := conn.SetICMPFilter(&filter); err != nil {
		return fmt.Errorf("filter router solicitations: %w", err)
	}
	if err := conn.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagInterface, true); err != nil {
		return fmt.Errorf("ask for the hop limit and interface: %w", err)
	}
	if err := conn.JoinGroup(netip.MustParseAddr("ff02::2")); err != nil { // all routers
		return fmt.Errorf("join the group of routers: %w: is IPv6 switched off on %s?", err, a.Interface)
	}
	return nil
}

// solicitor is the address to answer. A message whose hop limit isn't 255 came from
// another link (RFC 4861 section 6.1.1). A client that still checks its own address
// sends without a source and can't be answered alone: it asks again.
func solicitor(m ndp.Message, cm *ipv6.ControlMessage, from netip.Addr) (netip.Addr, bool) {
	_, ok := m.(*ndp.RouterSolicitation)
	return from, ok && cm != nil && cm.HopLimit == ndp.HopLimit && from.IsLinkLocalUnicast()
}

// advertisement is the answer: router lifetime 0 means that we aren't a default router,
// and without flags there is no DHCPv6 server to ask.
func advertisement(mac net.HardwareAddr) *ndp.RouterAdvertisement {
	ra := &ndp.RouterAdvertisement{RouterLifetime: 0}
	if len(mac) == 6 {
		ra.Options = []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mac}}
	}
	return ra
}
