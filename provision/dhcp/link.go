package dhcp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"rackhand/inventory"
	"rackhand/provision/links"
)

const (
	// maxPacket is the size of the biggest packet that is answered, in bytes. Such a packet
	// may come in fragments: RFC 2132 section 9.10 lets a client say how much it accepts.
	maxPacket = 4096
	// readAtOnce is how many packets one system call reads.
	readAtOnce = 64
	// bufferSize is the size of the kernel's socket buffers, in bytes. The receive buffer
	// holds the requests of a rack that powers on. The send buffer holds replies that wait
	// for ARP.
	bufferSize = 4 << 20
)

// A link is the network interface: the UDP socket bound to it, a raw socket for clients
// without an address, and the sockets for probes.
type link struct {
	udp    *ipv4.PacketConn
	raw    *packet.Conn // nil when it couldn't be opened: such replies are broadcast
	arp    *packet.Conn // nil when it couldn't be opened: nothing is probed
	echo   *icmp.PacketConn
	index  int
	mac    inventory.MAC
	server netip.Addr
	// subnet is the subnet of our address. Replies to its addresses need ARP.
	subnet     netip.Prefix
	neighbours neighbours
	unresolved int            // the socket of openUnresolved; 0 when it couldn't be opened
	from       []byte         // the control message of each reply: source address and interface
	batch      []ipv4.Message // used by read only
}

// listen opens the link. Unlike the DHCP library's socket, this one sets neither
// SO_REUSEADDR nor SO_REUSEPORT. So the kernel refuses a second server on this link, where
// otherwise both would answer in turn.
func listen(ctx context.Context, name string, server netip.Addr, log *slog.Logger) (*link, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w: `ip link` lists the interfaces", name, err)
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
	l := &link{udp: ipv4.NewPacketConn(conn), index: ifi.Index, server: server, batch: make([]ipv4.Message, readAtOnce)}
	l.subnet, l.neighbours.index = subnetOf(ifi, server), ifi.Index
	if l.unresolved, err = openUnresolved(name); err != nil {
		log.Warn("dhcp: no raw socket for relays without an ARP entry", "interface", name, "error", err)
	}
	l.from = (&ipv4.ControlMessage{Src: server.AsSlice(), IfIndex: ifi.Index}).Marshal()
	for i := range l.batch {
		l.batch[i].Buffers = [][]byte{make([]byte, maxPacket+1)}
		l.batch[i].OOB = ipv4.NewControlMessage(ipv4.FlagInterface | ipv4.FlagDst)
	}
	if err := l.udp.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true); err != nil {
		l.close()
		return nil, fmt.Errorf("ask for the interface of packets: %w", err)
	}
	if err := enlarge(conn); err != nil {
		log.Debug("dhcp: the socket's buffers keep their size", "error", err)
	}
	if len(ifi.HardwareAddr) != len(l.mac) {
		log.Warn("dhcp: not an Ethernet interface, so replies are broadcast", "interface", name)
		return l, nil
	}
	l.mac = inventory.MAC(ifi.HardwareAddr)
	// Protocol 0 receives nothing: this socket only sends.
	if l.raw, err = packet.Listen(ifi, packet.Raw, 0, nil); err != nil {
		log.Warn("dhcp: no raw socket, so replies are broadcast", "interface", name, "error", err)
		l.raw = nil
	}
	l.openProbes(ifi, log)
	return l, nil
}

// enlarge asks for bigger buffers: beyond the system's limits when the process has the
// right to.
func enlarge(conn net.PacketConn) error {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var set []error
	err = raw.Control(func(fd uintptr) {
		for _, o := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o[0], bufferSize) != nil {
				set = append(set, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o[1], bufferSize))
			}
		}
	})
	return errors.Join(append(set, err)...)
}

// read returns the packets that have come. The list is empty when all of them were skipped.
// An error means that the socket is unusable.
func (l *link) read() ([]datagram, error) {
	n, err := l.udp.ReadBatch(l.batch, 0)
	switch {
	case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ECONNREFUSED):
		return nil, nil // a pulled cable, or an ICMP error for an earlier reply: go on
	case err != nil:
		return nil, err
	}
	packets := make([]datagram, 0, n)
	for _, m := range l.batch[:n] {
		index, dst := arrival(m.OOB[:m.NN])
		if index != l.index {
			continue
		}
		d := datagram{payload: slices.Clone(m.Buffers[0][:m.N]), unicast: dst == l.server}
		if from, ok := m.Addr.(*net.UDPAddr); ok {
			d.from = addrOf(from.IP)
		}
		packets = append(packets, d)
	}
	return packets, nil
}

// arrival reads a packet's control message: the interface that it arrived on, 0 when
// unknown, and its destination address (ip(7), IP_PKTINFO).
func arrival(oob []byte) (index int, dst netip.Addr) {
	h, data, _, err := unix.ParseOneSocketControlMessage(oob)
	if err != nil || h.Level != unix.IPPROTO_IP || h.Type != unix.IP_PKTINFO || len(data) < unix.SizeofInet4Pktinfo {
		return 0, netip.Addr{}
	}
	return int(int32(binary.NativeEndian.Uint32(data))), addrOf(data[8:12])
}

// subnetOf is the subnet of an interface's address; invalid when the interface doesn't have
// that address.
func subnetOf(ifi *net.Interface, addr netip.Addr) netip.Prefix {
	all, _ := ifi.Addrs()
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == addr {
			return p.Masked()
		}
	}
	return netip.Prefix{}
}

// relisten opens the link again as soon as there is an interface of its name with our
// address. It returns nil when ctx ended first.
func (s *Server) relisten(ctx context.Context) *link {
	tick := time.NewTicker(links.CheckEvery)
	defer tick.Stop()
	for {
		if links.HasAddress(s.Interface, s.ServerAddr) {
			l, err := listen(ctx, s.Interface, s.ServerAddr, s.Log)
			if err == nil {
				return l
			}
			if s.logs.Allow("relisten", s.Clock()) {
				s.Log.Error("dhcp: the interface can't be served again; retrying", "interface", s.Interface, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// interrupt ends a read in progress.
func (l *link) interrupt() { _ = l.udp.SetReadDeadline(time.Unix(1, 0)) }

func (l *link) close() {
	l.udp.Close()
	if l.unresolved > 0 {
		_ = unix.Close(l.unresolved)
	}
	for _, c := range []*packet.Conn{l.raw, l.arp} {
		if c != nil {
			c.Close()
		}
	}
	if l.echo != nil {
		l.echo.Close()
	}
}
