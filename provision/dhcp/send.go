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
)

var errNothingSent = errors.New("the system sent nothing and didn't say why")

// A parcel is a reply on its way out.
type parcel struct {
	reply []byte
	to    destination
}

// A sender sends replies; what goes wrong is logged, once a minute for each address.
type sender func(...parcel)

func (s *Server) sender(ctx context.Context, l *link) sender {
	return func(batch ...parcel) {
		l.send(batch, func(p parcel, err error) {
			if ctx.Err() == nil && s.logs.Allow("unsent "+p.to.to.String(), s.Clock()) {
				s.Log.Warn("dhcp: reply not sent", "to", p.to.to, "mac", p.to.mac, "error", err)
			}
		})
	}
}

// send sends replies, those by UDP in one system call; failed gets each that could not
// be sent. It never waits: the kernel keeps what goes to an address that doesn't answer
// ARP, for seconds, and whoever names such addresses as relays or his own would hold up
// everybody's replies as soon as the socket's buffer is full.
func (l *link) send(batch []parcel, failed func(parcel, error)) {
	var udp []ipv4.Message
	var at []parcel // what each of them is
	for _, p := range batch {
		if p.to.frame && l.raw != nil {
			if err := l.sendFrame(p); err != nil {
				failed(p, err)
			}
			continue
		}
		to := p.to.to
		if p.to.frame {
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
		if err != nil { // it is that of the first
			failed(at[0], err)
			n = 1
		}
		udp, at = udp[n:], at[n:]
	}
}

// sendNow sends one packet, and doesn't wait either.
func sendNow(conn *ipv4.PacketConn, packet, control []byte, to net.Addr) error {
	n, err := conn.WriteBatch([]ipv4.Message{{Buffers: [][]byte{packet}, OOB: control, Addr: to}}, unix.MSG_DONTWAIT)
	if err == nil && n != 1 {
		err = errNothingSent
	}
	return err
}

func (l *link) sendFrame(p parcel) error {
	from := netip.AddrPortFrom(l.server, dhcpv4.ServerPort)
	_, err := l.raw.WriteTo(frame(l.mac, p.to.mac, from, p.to.to, p.reply), &packet.Addr{HardwareAddr: p.to.mac.HardwareAddr()})
	return err
}
