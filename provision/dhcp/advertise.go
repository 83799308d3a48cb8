package dhcp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
)

// An Advertiser answers router solicitations (RFC 4861) on one link with an
// advertisement that offers nothing: no router, no prefix, no DHCPv6. iPXE sets up
// IPv6 before it goes on, and waits some 13 s for an answer when there is none. It
// never sends unasked, and answers the one that asked only: other hosts keep what
// a real router told them.
type Advertiser struct {
	Interface string       // the link, in the network namespace that Run runs in
	Log       *slog.Logger // discarded when nil
}

// writeWait is how long an answer may take to get away.
const writeWait = 10 * time.Millisecond

// relisten is how long Run waits before it tries again after the link failed.
const relisten = time.Second

// Run answers until ctx ends, then returns nil. Nothing else ends it: a link that
// has no IPv6 costs booting boxes some seconds, and is no reason not to serve.
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
			log.Warn("router advertisements: none can be sent now, so iPXE waits some 13 s at each boot; trying on", "interface", a.Interface, "error", err)
			warned = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(relisten):
		}
	}
	return nil
}

// serve listens and answers until ctx ends or the link fails.
func (a *Advertiser) serve(ctx context.Context, log *slog.Logger, listening func()) error {
	ifi, err := net.InterfaceByName(a.Interface)
	if err != nil {
		return fmt.Errorf("interface %s: %w", a.Interface, err)
	}
	// Not on the link-local address: a bridge has none before the first box on it
	// is powered on, and that box is the one that asks. The kernel chooses it as the
	// source when we answer.
	conn, _, err := ndp.Listen(ifi, ndp.Unspecified)
	if err != nil {
		return fmt.Errorf("listen for router solicitations: %w", err)
	}
	defer conn.Close()
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // nothing is heard any more on an interface that was made anew
		if watchLink(ctx, a.Interface, ifi.Index) != nil {
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
		to, ok := solicited(m, cm, from)
		if !ok || cm.IfIndex != ifi.Index {
			continue
		}
		// What goes to addresses where nobody is fills the kernel's buffer for seconds: it
		// isn't waited for.
		if err := conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
			return err
		}
		if err := conn.WriteTo(advertisement(ifi.HardwareAddr), nil, to); err != nil {
			// Everyday while duplicate address detection runs on a link that just came
			// up: iPXE asks again.
			log.Debug("router advertisements: one was not sent", "to", to, "error", err)
		}
	}
}

// solicited says whom to answer. A message whose hop limit isn't 255 came from
// another link (RFC 4861 section 6.1.1). One without a source address, of a client
// that is still making sure of its own, can't be answered alone: it asks again.
func solicited(m ndp.Message, cm *ipv6.ControlMessage, from netip.Addr) (netip.Addr, bool) {
	_, ok := m.(*ndp.RouterSolicitation)
	return from, ok && cm != nil && cm.HopLimit == ndp.HopLimit && from.IsLinkLocalUnicast()
}

// advertisement is what is answered: router lifetime 0 says that we are no default
// router; neither flag set, that there is no DHCPv6 to ask.
func advertisement(mac net.HardwareAddr) *ndp.RouterAdvertisement {
	ra := &ndp.RouterAdvertisement{RouterLifetime: 0}
	if len(mac) == 6 {
		ra.Options = []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mac}}
	}
	return ra
}
