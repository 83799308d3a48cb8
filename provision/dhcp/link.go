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
	// maxPacket is the biggest packet that is answered, in bytes: it may come in
	// fragments (RFC 2132 section 9.10 lets a client say how much it takes).
	maxPacket = 4096
	// readAtOnce is how many packets one system call reads.
	readAtOnce = 64
	// bufferSize is how much the kernel keeps until we read it, in bytes: a rack that is
	// powered on asks all at once; and of what we sent, until its receiver has told its
	// hardware address.
	bufferSize = 4 << 20
)

// A link is the wire: the UDP socket bound to the interface, a raw one for clients
// that have no address yet, and what addresses are probed by.
type link struct {
	udp    *ipv4.PacketConn
	raw    *packet.Conn // nil when it couldn't be opened: such replies are broadcast
	arp    *packet.Conn // nil when it couldn't be opened: nothing is probed
	echo   *icmp.PacketConn
	index  int
	mac    inventory.MAC
	server netip.Addr
	// subnet is that of our address; replies to addresses there need ARP.
	subnet     netip.Prefix
	neighbours neighbours
	unresolved int            // see openUnresolved; 0 when it couldn't be opened
	from       []byte         // the control message of what we send: from our address, out of the interface
	batch      []ipv4.Message // of read alone
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
	l := &link{udp: ipv4.NewPacketConn(conn), index: ifi.Index, server: server, batch: make([]ipv4.Message, readAtOnce)}
	l.subnet, l.neighbours.index = subnetOf(ifi, server), ifi.Index
	if l.unresolved, err = openUnresolved(name); err != nil {
		log.Warn("dhcp: no raw socket for relays that may not exist", "interface", name, "error", err)
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
		log.Debug("dhcp: the socket's buffers stay as they are", "error", err)
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
	l.openProbes(ifi, log)
	return l, nil
}

// enlarge asks for bigger buffers: beyond the system's limits when we may.
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

// read returns the packets that have come, at least one unless there was nothing but
// what is passed over. An error is the socket's end.
func (l *link) read() ([]datagram, error) {
	n, err := l.udp.ReadBatch(l.batch, 0)
	switch {
	case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ECONNREFUSED):
		return nil, nil // the cable, or an ICMP answer to a reply of ours: not the end
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

// arrival reads the control message of a packet: the interface that it came in on, 0
// when it doesn't say, and the address that it was sent to (ip(7), IP_PKTINFO).
func arrival(oob []byte) (index int, dst netip.Addr) {
	h, data, _, err := unix.ParseOneSocketControlMessage(oob)
	if err != nil || h.Level != unix.IPPROTO_IP || h.Type != unix.IP_PKTINFO || len(data) < unix.SizeofInet4Pktinfo {
		return 0, netip.Addr{}
	}
	return int(int32(binary.NativeEndian.Uint32(data))), addrOf(data[8:12])
}

// subnetOf is the subnet of an address of an interface; invalid when it has no such address.
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

// interrupt ends a read under way.
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
