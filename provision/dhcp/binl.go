package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// binlPort is where a PXE client that has its address asks what to load (PXE
// specification 2.1, section 2.2.5).
const binlPort = 4011

// binlWorkers is how many requests are answered at once on port 4011: all of a rack
// that powers on ask within seconds, and each answer may wait for the journal.
const binlWorkers = 8

// binlRetry is how long to wait before another try at a port that is taken.
const binlRetry = 30 * time.Second

// serveBINL answers on port 4011, for the networks where we are a proxy, until ctx
// ends. Which networks those are may change at any time, so the port is always
// open. That it can't be opened is no reason to give nobody an address: it is said,
// and tried again.
func (s *Server) serveBINL(ctx context.Context, l *link) error {
	for {
		err := s.listenBINL(ctx, l)
		if ctx.Err() != nil {
			return nil
		}
		if s.logs.Allow("binl", s.Clock()) {
			s.Log.Warn("dhcp: nothing answers on port 4011, which a proxy needs", "interface", s.Interface, "error", err)
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
			continue // the cable, or an ICMP answer to a reply of ours: not the end
		case err != nil:
			return err
		case n > maxPacket || cm == nil || cm.IfIndex != index:
			continue
		}
		source, ok := from.(*net.UDPAddr)
		if !ok {
			continue
		}
		reply, ok := s.tryAnswerBINL(ctx, buf[:n], netip.AddrPortFrom(source.AddrPort().Addr().Unmap(), source.AddrPort().Port()))
		if !ok {
			continue
		}
		to := destination{to: source.AddrPort(), mac: chaddr(buf[:n])}
		to.to = netip.AddrPortFrom(to.to.Addr().Unmap(), to.to.Port())
		if l.raw != nil && l.subnet.Contains(to.to.Addr()) {
			err = l.sendFrame(binlPort, outgoing{reply, to}) // no ARP for whoever names an address
		} else {
			out := &ipv4.ControlMessage{Src: s.ServerAddr.AsSlice(), IfIndex: index}
			err = sendNow(udp, reply, out.Marshal(), from)
		}
		if err != nil && ctx.Err() == nil && s.logs.Allow("unsent "+from.String(), s.Clock()) {
			s.Log.Warn("dhcp: reply on port 4011 not sent", "to", from, "error", err)
		}
	}
}

// tryAnswerBINL answers one packet. A panic, of ours or of the parser, costs that packet
// only.
func (s *Server) tryAnswerBINL(ctx context.Context, packet []byte, from netip.AddrPort) (reply []byte, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("dhcp: panic while answering on port 4011", "panic", p)
			s.badPacket(packet, errors.New("it made the server panic"))
			reply, ok = nil, false
		}
	}()
	return s.answerBINL(ctx, packet, from)
}
