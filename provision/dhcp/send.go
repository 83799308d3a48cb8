package dhcp

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"rackhand/inventory"
)

var errNothingSent = errors.New("the system sent nothing and reported no error")

// An outgoing is a reply that is ready to be sent.
type outgoing struct {
	reply []byte
	to    destination
}

// A sender sends replies. It logs failures, once a minute for each address.
type sender func(...outgoing)

func (s *Server) sender(ctx context.Context, l *link) sender {
	return func(batch ...outgoing) {
		var failed []unsent
		defer func() { s.traceAll(batch, failed) }()
		l.send(batch, func(p outgoing, err error) {
			failed = append(failed, unsent{p.reply, err})
			to := p.to.to.String()
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) {
				to = "" // these come by the thousand
			}
			if ctx.Err() == nil && s.logs.Allow("unsent "+to, s.Clock()) {
				s.Log.Warn("dhcp: reply not sent", "to", p.to.to, "mac", p.to.mac, "error", err)
			}
		})
	}
}

// send sends replies, those by UDP in one system call, and calls failed for each that could
// not be sent. It never blocks. The kernel queues packets to an address that doesn't answer
// ARP, for seconds. So clients on our link get frames, and relays there without an ARP
// entry have a socket of their own: packets to addresses that don't exist fill that socket
// only.
func (l *link) send(batch []outgoing, failed func(outgoing, error)) {
	var udp []ipv4.Message
	var at []outgoing // the reply in each message of udp
	for _, p := range batch {
		to := p.to.to
		if p.to.frame && l.raw != nil || l.needsARP(to.Addr()) {
			if err := l.sendAlone(p); err != nil {
				failed(p, err)
			}
			continue
		}
		if p.to.frame && !p.to.has {
			to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), to.Port())
		}
		udp = append(udp, ipv4.Message{Buffers: [][]byte{p.reply}, OOB: l.from, Addr: net.UDPAddrFromAddrPort(to)})
		at = append(at, p)
	}
	for len(udp) > 0 {
		n, err := l.udp.WriteBatch(udp, unix.MSG_DONTWAIT)
		if err == nil && n <= 0 {
			err = errNothingSent
		}
		if err != nil { // the error is that of the first message
			failed(at[0], err)
			n = 1
		}
		udp, at = udp[n:], at[n:]
	}
}

// sendAlone sends one reply that doesn't go through the UDP socket.
func (l *link) sendAlone(p outgoing) error {
	if p.to.frame {
		return l.sendFrame(dhcpv4.ServerPort, p)
	}
	f := frame(inventory.MAC{}, inventory.MAC{}, netip.AddrPortFrom(l.server, dhcpv4.ServerPort), p.to.to, p.reply)
	return unix.Sendto(l.unresolved, f[etherLen:], unix.MSG_DONTWAIT, &unix.SockaddrInet4{Addr: p.to.to.Addr().As4()})
}

// needsARP reports whether a reply to an address would wait for ARP, and the socket for
// such replies is open.
func (l *link) needsARP(addr netip.Addr) bool {
	return l.unresolved > 0 && l.subnet.Contains(addr) && !l.neighbours.has(addr)
}

// unresolvedBuffer is how much the kernel queues for relays without an ARP entry, in bytes:
// some dozens of packets.
const unresolvedBuffer = 64 << 10

// openUnresolved opens the socket for packets to addresses without an ARP entry. It sends
// IP packets with our own header and receives nothing (raw(7), IPPROTO_RAW).
func openUnresolved(ifname string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if err != nil {
		return 0, err
	}
	err = errors.Join(unix.BindToDevice(fd, ifname), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, unresolvedBuffer))
	if err != nil {
		_ = unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// sendNow sends one packet without blocking.
func sendNow(conn *ipv4.PacketConn, packet, control []byte, to net.Addr) error {
	n, err := conn.WriteBatch([]ipv4.Message{{Buffers: [][]byte{packet}, OOB: control, Addr: to}}, unix.MSG_DONTWAIT)
	if err == nil && n != 1 {
		err = errNothingSent
	}
	return err
}

// sendFrame sends a reply as an Ethernet frame, from a UDP port of this server.
func (l *link) sendFrame(port uint16, p outgoing) error {
	from := netip.AddrPortFrom(l.server, port)
	_, err := l.raw.WriteTo(frame(l.mac, p.to.mac, from, p.to.to, p.reply), &packet.Addr{HardwareAddr: p.to.mac.HardwareAddr()})
	return err
}
