// Package dhcp is an authoritative DHCPv4 server for one link (RFC 2131), or a proxy beside
// another server (PXE specification 2.1). It gives every claimed box its reserved address
// whichever program asks, other boxes an address of the network's range, and a boot file to
// firmware that asks for one. It owns the leases: only this package writes records under
// LeasePrefix.
package dhcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/dhcp/boots"
	"rackhand/provision/links"
	"rackhand/provision/store"
	"rackhand/provision/trace"
)

// LeasePrefix is the prefix of leases in the store: LeasePrefix + MAC holds a
// provision.Lease as JSON. An expired lease stays until another MAC needs its address, so
// that its box gets the same address again.
const LeasePrefix = "lease/"

// DefaultLeaseTime is the length of a lease unless Options sets one. A change of the
// inventory reaches every box within half of it.
const DefaultLeaseTime = time.Hour

// workers is how many packets are answered at once. Workers don't wait for leases to reach
// the disk, but Decide may wait for an install to be armed, and events for the journal.
const workers = 16

// readDelay is how long the reader waits after each read, so that under load each read
// returns many packets: most of a packet's cost is waking up the reader.
const readDelay = 2 * time.Millisecond

// Options configure a server. All except Flood, MayServe, UnderWay, Expected, Own,
// TFTPScriptURL, Trace, LeaseTime, Clock and Log are required.
type Options struct {
	// Interface is the link to serve, in the network namespace that Run runs in.
	Interface string
	// ServerAddr is our IPv4 address there: the server identifier and TFTP server. It also
	// shows which network of the inventory the link belongs to.
	ServerAddr netip.Addr
	// Decide returns what a client boots (boot.Decide on the current snapshot and the
	// host's latest install). When Decision.Arm is set, it has armed the install durably
	// before it returns. It is called at each DISCOVER and REQUEST. When it fails, a client
	// that boots gets no answer and asks again.
	Decide func(context.Context, boot.Request) (boot.Decision, error)
	// Snapshot is the current inventory; nil when there is none. Then no client is
	// answered.
	Snapshot func() *inventory.Snapshot
	Store    store.Store
	// Record takes the events discover, ack, unclaimed, another-card, chosen-other, nak,
	// decline, conflict, exhausted, wrong-network, our-address, address-claimed, often and
	// bad-packet; observed, address-differs and binl where we are a proxy.
	Record provision.Recorder
	// Flood limits the events that packets cause; nil makes a new one.
	Flood *provision.Flood
	// MayServe reports whether we may be authoritative on a network now. Its error says why
	// not: another server answers there, or the check isn't done yet. Then no client is
	// answered. nil allows all networks.
	MayServe func(*inventory.Network) error
	// Ready is called once the server listens; nil: nothing is called.
	Ready func()
	// UnderWay reports whether an install or job of a host is under way; nil: never. Then
	// the host's lease stays, whatever packets arrive in its name; where we are a proxy,
	// only a lease of its address in the inventory.
	UnderWay func(host string) bool
	// Expected reports whether a host's install or job is armed and its box was not heard
	// in it, and since when it is expected to boot, in counted time; nil: never.
	Expected func(host string) (since time.Time, ok bool)
	// Own reports whether an address is this appliance's, on any link; nil: ServerAddr
	// alone. A client that asks it takes no other server's offer.
	Own func(netip.Addr) bool
	// ScriptURL is the URL of a MAC's iPXE script. TFTPScriptURL is that for an iPXE
	// without HTTP (ScriptURL when nil). FileURL is the URL of a program for UEFI HTTP
	// boot.
	ScriptURL     func(inventory.MAC) string
	TFTPScriptURL func(inventory.MAC) string
	FileURL       func(program string) string

	// Trace takes each packet that came or was sent; nil: none is traced. It may keep them.
	Trace func(trace.Fact)

	LeaseTime time.Duration // DefaultLeaseTime when 0
	// Clock is counted time (provision.Install), so that a step of the machine's clock
	// doesn't change the length of a lease; time.Now when nil.
	Clock func() time.Time
	Log   *slog.Logger // discarded when nil
}

// A Server serves DHCP on one link.
type Server struct {
	Options

	mu     sync.Mutex
	table  *table
	writes []*write // changes of the table that aren't in the store yet, in order
	// written has a value when writes isn't empty.
	written chan struct{}
	// onDisk holds, by address, the MAC whose record has it, as far as we wrote or loaded
	// it. Only the committer uses it, and changes it once a transaction is on disk: the
	// table's changes may never get there.
	onDisk map[string]inventory.MAC
	// observed are the leases of other servers, on networks where we are a proxy.
	observed *observedLeases

	chained      boots.Chained
	tally        *boots.Tally
	expected     expected
	probes       *probes
	prober       prober                 // nil: addresses are offered unprobed
	mac          inventory.MAC          // of the interface
	eventWriters []chan provision.Event // nil: record waits for the disk

	limits
}

// New makes a server; Run starts it.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Flood == nil {
		o.Flood = provision.NewFlood(o.Clock)
	}
	if o.LeaseTime <= 0 {
		o.LeaseTime = DefaultLeaseTime
	}
	return &Server{
		Options: o, table: newTable(), written: make(chan struct{}, 1), onDisk: map[string]inventory.MAC{}, observed: newObservedLeases(), probes: newProbes(),
		tally: boots.NewTally(), limits: newLimits(),
	}
}

// underWay reports whether an install or job of a host is under way; false for nil.
func (s *Server) underWay(host *inventory.Host) bool {
	return host != nil && s.UnderWay != nil && s.UnderWay(host.Name)
}

// Run loads the leases, listens and answers until ctx ends; then it returns nil. It needs
// the right to open port 67 and to bind to a device (CAP_NET_BIND_SERVICE, CAP_NET_RAW).
// Another server on the same link of this machine is an error.
func (s *Server) Run(ctx context.Context) error {
	if !s.ServerAddr.Is4() {
		return fmt.Errorf("serve DHCP on %s: %q isn't an IPv4 address: set `address` in rackhand.yaml", s.Interface, s.ServerAddr)
	}
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("serve DHCP on %s: %w", s.Interface, err)
	}
	l, err := listen(ctx, s.Interface, s.ServerAddr, s.Log)
	if err != nil {
		return fmt.Errorf("serve DHCP on %s: %w", s.Interface, err)
	}
	if s.Ready != nil {
		s.Ready()
	}
	for {
		err := s.serve(ctx, l)
		if !errors.Is(err, links.ErrReplaced) {
			return err
		}
		s.Log.Warn("dhcp: the interface is gone, or was created again: waiting for it", "interface", s.Interface)
		if l = s.relisten(ctx); l == nil {
			return nil // ctx has ended
		}
	}
}

// serve answers on a link until ctx ends, or another interface takes the link's place: then
// it returns links.ErrReplaced. It closes the link.
func (s *Server) serve(ctx context.Context, l *link) error {
	defer l.close()
	s.Log.Info("dhcp: serving", "interface", s.Interface, "address", s.ServerAddr)

	stop := s.startEventWriters()
	defer stop()
	s.mac = l.mac
	if s.prober = nil; l.arp != nil {
		s.prober = l
	}
	q := newQueue(s.isHost)
	group, ctx := errgroup.WithContext(ctx)
	send := s.sender(ctx, l)
	group.Go(func() error {
		defer q.close()
		return s.receive(ctx, l, q)
	})
	group.Go(func() error { return links.Watch(ctx, s.Interface, l.index) })
	group.Go(func() error { return s.commitLoop(ctx, q, send) })
	group.Go(func() error { return s.serveBINL(ctx, l) })
	group.Go(func() error { return s.sendProbed(ctx, send) })
	l.listenForAnswers(ctx, group, s.Log, func(addr netip.Addr, by inventory.MAC) { s.conflict(ctx, addr, by, send) })
	for i := range workers {
		group.Go(func() error { s.work(ctx, q, priorityOf(i), send); return nil })
	}
	return group.Wait()
}

// isHost reports whether a MAC belongs to a host of the inventory, or to its BMC.
func (s *Server) isHost(mac inventory.MAC) bool {
	snap := s.Snapshot()
	return snap != nil && (snap.HostByMAC(mac) != nil || snap.HostByBMC(mac) != nil)
}

// priorityOf is the lane that a worker serves first. Of each eight workers one prefers
// DISCOVERs, one the others, and six the hosts.
func priorityOf(worker int) priority {
	switch worker % 8 {
	case 0:
		return discoversFirst
	case 4:
		return othersFirst
	}
	return hostsFirst
}

// receive reads packets into the queue until ctx ends.
func (s *Server) receive(ctx context.Context, l *link, q *queue) error {
	stop := context.AfterFunc(ctx, l.interrupt)
	defer stop()
	for {
		packets, err := l.read()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("serve DHCP on %s: %w", s.Interface, err)
		}
		floods, full := q.put(packets...)
		for _, d := range floods {
			s.traceRequest(d, note{verdict: trace.Dropped, why: "it sends packets faster than they are answered"})
			if mac := chaddr(d.payload).String(); s.logs.Allow("flood "+mac, s.Clock()) {
				s.Log.Warn("dhcp: one client asks too often, some of its packets were dropped", "interface", s.Interface, "mac", mac)
			}
		}
		if full > 0 && s.logs.Allow("overload", s.Clock()) {
			s.Log.Warn("dhcp: too many packets at once, some were dropped", "interface", s.Interface)
		}
		if len(packets) < readAtOnce {
			time.Sleep(readDelay)
		}
	}
}

// work answers packets of the queue until the queue is closed.
func (s *Server) work(ctx context.Context, q *queue, first priority, send sender) {
	batch := make([]datagram, 0, takeAtOnce)
	var out []outgoing
	for {
		if batch = q.next(batch, first); len(batch) == 0 {
			return
		}
		answered := batch[:0] // those whose reply doesn't wait for the disk
		for _, d := range batch {
			o := s.tryAnswer(ctx, d)
			if o.reply != nil {
				out = append(out, outgoing{o.reply, o.to})
			}
			if o.write == nil {
				answered = append(answered, d)
			}
		}
		send(out...)
		q.done(answered...)
		clear(out)
		out = out[:0]
	}
}

// tryAnswer answers one packet. A panic drops this packet only.
func (s *Server) tryAnswer(ctx context.Context, d datagram) (o outcome) {
	defer s.recoverFromPanic(d.payload)
	o = s.answer(ctx, d)
	s.traceRequest(d, o.note)
	return o
}

// recoverFromPanic is deferred: a panic in our code or in the parser drops this packet
// only.
func (s *Server) recoverFromPanic(packet []byte) {
	if p := recover(); p != nil {
		s.Log.Error("dhcp: panic while answering", "panic", p)
		s.badPacket(packet, errors.New("it made the server panic"))
	}
}
