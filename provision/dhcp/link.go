package dhcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"rackhand/inventory"
)

// maxPacket is the biggest packet that is read, in bytes: one frame's worth.
const maxPacket = 1500

// A link is the wire: the UDP socket bound to the interface, and a raw one for
// clients that have no address yet.
type link struct {
	udp    *ipv4.PacketConn
	raw    *packet.Conn // nil when it couldn't be opened: such replies are broadcast
	index  int
	mac    inventory.MAC
	server netip.Addr
	buf    []byte
}

// listen opens the link. The socket has neither SO_REUSEADDR nor SO_REUSEPORT,
// unlike that of the DHCP library: so the kernel itself refuses a second server on
// this link, where otherwise both would answer in turns.
func listen(ctx context.Context, name string, server netip.Addr, log *slog.Logger) (*link, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w: `ip link` lists what there is", name, err)
	}
	bind := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), name) }), err)
	}}
	conn, err := bind.ListenPacket(ctx, "udp4", fmt.Sprintf(":%d", dhcpv4.ServerPort))
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("%w: another DHCP server runs on this machine: `ss -ulpn sport = 67` shows which", err)
	}
	if err != nil {
		return nil, err
	}
	l := &link{udp: ipv4.NewPacketConn(conn), index: ifi.Index, server: server, buf: make([]byte, maxPacket+1)}
	if err := l.udp.SetControlMessage(ipv4.FlagInterface, true); err != nil {
		l.close()
		return nil, fmt.Errorf("ask for the interface of packets: %w", err)
	}
	if len(ifi.HardwareAddr) != len(l.mac) {
		log.Warn("dhcp: no Ethernet interface, so replies are broadcast", "interface", name)
		return l, nil
	}
	l.mac = inventory.MAC(ifi.HardwareAddr)
	// Protocol 0: it sends only, and receives nothing.
	if l.raw, err = packet.Listen(ifi, packet.Raw, 0, nil); err != nil {
		log.Warn("dhcp: no raw socket, so replies are broadcast", "interface", name, "error", err)
		l.raw = nil
	}
	return l, nil
}

// read returns the next packet, nil for one to pass over. An error is the
// socket's end.
func (l *link) read() ([]byte, error) {
	n, cm, _, err := l.udp.ReadFrom(l.buf)
	switch {
	case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ECONNREFUSED):
		return nil, nil // the cable, or an ICMP answer to a reply of ours: not the end
	case err != nil:
		return nil, err
	case n > maxPacket || cm == nil || cm.IfIndex != l.index:
		return nil, nil
	}
	return append([]byte(nil), l.buf[:n]...), nil
}

// send sends a reply.
func (l *link) send(reply []byte, d destination) error {
	if d.frame && l.raw != nil {
		from := netip.AddrPortFrom(l.server, dhcpv4.ServerPort)
		_, err := l.raw.WriteTo(frame(l.mac, d.mac, from, d.to, reply), &packet.Addr{HardwareAddr: d.mac.HardwareAddr()})
		return err
	}
	to := d.to
	if d.frame {
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), to.Port())
	}
	cm := &ipv4.ControlMessage{Src: l.server.AsSlice(), IfIndex: l.index}
	_, err := l.udp.WriteTo(reply, cm, net.UDPAddrFromAddrPort(to))
	return err
}

// interrupt ends a read under way.
func (l *link) interrupt() { _ = l.udp.SetReadDeadline(time.Unix(1, 0)) }

func (l *link) close() {
	l.udp.Close()
	if l.raw != nil {
		l.raw.Close()
	}
}
