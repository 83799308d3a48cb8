package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// binlPort is the port on which a PXE client that already has its address asks what to load
// (PXE specification 2.1, section 2.2.5).
const binlPort = 4011

// binlWorkers is how many requests on port 4011 are answered at once. All boxes of a rack
// that powers on ask within seconds, and each answer may wait for the journal.
const binlWorkers = 8

// binlRetry is the delay before the next attempt to open a port that is in use.
const binlRetry = 30 * time.Second

// serveBINL answers on port 4011, for networks where we are a proxy, until ctx ends. The
// port is always open because the set of those networks can change at any time. A failure
// to open it must not stop DHCP: it is logged and retried.
func (s *Server) serveBINL(ctx context.Context, l *link) error {
	for {
		err := s.listenBINL(ctx, l)
		if ctx.Err() != nil {
			return nil
		}
		if s.logs.Allow("binl", s.Clock()) {
			s.Log.Warn("dhcp: port 4011 is not served, but clients of a proxy need it; retrying", "interface", s.Interface, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(binlRetry):
		}
	}
}

// listenBINL opens the port, bound to the link like port 67, and answers until ctx
// ends or the socket fails.
func (s *Server) listenBINL(ctx context.Context, l *link) error {
	ifi, err := net.InterfaceByName(s.Interface)
	if err != nil {
		return fmt.Errorf("interface %s: %w", s.Interface, err)
	}
	bind := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), s.Interface) }), err)
	}}
	conn, err := bind.ListenPacket(ctx, "udp4", fmt.Sprintf(":%d", binlPort))
	if errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("%w: another PXE server runs on this machine: `ss -ulpn sport = %d` shows which", err, binlPort)
	}
	if err != nil {
		return err
	}
	udp := ipv4.NewPacketConn(conn)
	if err := udp.SetControlMessage(ipv4.FlagInterface, true); err != nil {
		conn.Close()
		return fmt.Errorf("ask for the interface of packets: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { <-ctx.Done(); return conn.Close() })
	for range binlWorkers {
		group.Go(func() error { return s.readBINL(ctx, udp, ifi.Index, l) })
	}
	return group.Wait()
}

// readBINL reads and answers one packet after the other.
func (s *Server) readBINL(ctx context.Context, udp *ipv4.PacketConn, index int, l *link) error {
	buf := make([]byte, maxPacket+1)
	for {
		n, cm, from, err := udp.ReadFrom(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ECONNREFUSED):
			continue // a pulled cable, or an ICMP error for an earlier reply: go on
		case err != nil:
			return err
		case n > maxPacket || cm == nil || cm.IfIndex != index:
			continue
		}
		source, ok := from.(*net.UDPAddr)
		if !ok {
			continue
		}
		reply := s.tryAnswerBINL(ctx, buf[:n], netip.AddrPortFrom(source.AddrPort().Addr().Unmap(), source.AddrPort().Port()))
		if reply == nil {
			continue
		}
		to := destination{to: source.AddrPort(), mac: chaddr(buf[:n])}
		to.to = netip.AddrPortFrom(to.to.Addr().Unmap(), to.to.Port())
		if l.raw != nil && l.subnet.Contains(to.to.Addr()) {
			err = l.sendFrame(binlPort, outgoing{reply, to}) // a frame needs no ARP for an address that may not exist
		} else {
			out := &ipv4.ControlMessage{Src: s.ServerAddr.AsSlice(), IfIndex: index}
			err = sendNow(udp, reply, out.Marshal(), from)
		}
		s.traceSent(outgoing{reply, to}, binlPort, err)
		if err != nil && ctx.Err() == nil && s.logs.Allow("unsent "+from.String(), s.Clock()) {
			s.Log.Warn("dhcp: reply on port 4011 not sent", "to", from, "error", err)
		}
	}
}

// tryAnswerBINL answers one packet; nil: with silence. A panic in our code or in the parser
// drops this packet only.
func (s *Server) tryAnswerBINL(ctx context.Context, packet []byte, from netip.AddrPort) (reply []byte) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("dhcp: panic while answering on port 4011", "panic", p)
			s.badPacket(packet, errors.New("it made the server panic"))
			reply = nil
		}
	}()
	o := s.answerBINL(ctx, packet, from)
	if s.Trace != nil {
		s.traceReceived(datagram{payload: slices.Clone(packet), from: from.Addr(), unicast: true}, from, binlPort, o.note)
	}
	return o.reply
}
