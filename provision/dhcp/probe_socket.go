package dhcp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"rackhand/inventory"
)

// echoID distinguishes our ICMP echoes from those of other programs.
const echoID = 0x7268

var errNoEcho = errors.New("no ICMP socket is open")

// openProbes opens the sockets for probes. Without them, addresses are offered unprobed: a
// client checks an address before it uses it (RFC 2131 section 4.4.1).
func (l *link) openProbes(ifi *net.Interface, log *slog.Logger) {
	arp, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ARP, nil)
	if err != nil {
		log.Warn("dhcp: addresses are offered without a probe: another machine may use them", "interface", ifi.Name, "error", err)
		return
	}
	l.arp = arp
	if l.echo, err = icmp.ListenPacket("ip4:icmp", l.server.String()); err != nil {
		log.Warn("dhcp: behind relays, addresses are offered without a probe: another machine may use them", "interface", ifi.Name, "error", err)
		l.echo = nil
	}
}

// probe asks which machine has an address.
func (l *link) probe(addr netip.Addr, viaRelay bool) error {
	if !viaRelay {
		_, err := l.arp.WriteTo(arpProbe(l.mac, addr), &packet.Addr{HardwareAddr: net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
		return err
	}
	if l.echo == nil {
		return errNoEcho
	}
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: echoID, Seq: 1}} // RFC 792
	b, err := m.Marshal(nil)
	if err != nil {
		return err
	}
	return sendNow(l.echo.IPv4PacketConn(), b, nil, &net.IPAddr{IP: addr.AsSlice()})
}

// listenForAnswers calls heard for each machine that claims an address, until ctx ends. by
// is zero when its hardware address isn't known.
func (l *link) listenForAnswers(ctx context.Context, group *errgroup.Group, log *slog.Logger, heard func(addr netip.Addr, by inventory.MAC)) {
	if l.arp != nil {
		group.Go(func() error {
			readAnswers(ctx, l.arp, log, func(frame []byte, _ net.Addr) {
				if addr, mac, ok := arpSender(frame); ok && mac != l.mac {
					heard(addr, mac)
				}
			})
			return nil
		})
	}
	if l.echo != nil {
		group.Go(func() error {
			readAnswers(ctx, l.echo, log, func(b []byte, from net.Addr) {
				ip, ok := from.(*net.IPAddr)
				m, err := icmp.ParseMessage(1, b) // 1: ICMP for IPv4
				if !ok || err != nil || m.Type != ipv4.ICMPTypeEchoReply {
					return
				}
				if e, ok := m.Body.(*icmp.Echo); ok && e.ID == echoID {
					heard(addrOf(ip.IP), inventory.MAC{})
				}
			})
			return nil
		})
	}
}

// readAnswers reads packets until ctx ends or the socket fails. After a failure probes get
// no answers any more, but DHCP goes on.
func readAnswers(ctx context.Context, conn net.PacketConn, log *slog.Logger, take func(packet []byte, from net.Addr)) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, 1600)
	for {
		n, from, err := conn.ReadFrom(buf)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, unix.ENETDOWN):
		case err != nil:
			log.Error("dhcp: answers to probes can't be read any more", "error", err)
			return
		default:
			take(buf[:n], from)
		}
	}
}
