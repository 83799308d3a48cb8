// Package trace keeps the last packets and requests of each box in memory, for `rackhand
// trace`. Servers record facts: frames and typed values, without any formatting. They
// become words when they are read. Tokens, query strings, passwords and the contents of
// files are never recorded.
package trace

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rackhand/inventory"
)

// Bounds of what is kept. Machines outside the inventory share one small part, so that a
// flood of them can't push out the entries of a host.
const (
	EachBox    = 200       // entries of one box
	boxBytes   = 256 << 10 // of one box
	hostBytes  = 56 << 20  // of all hosts and BMCs of the inventory
	otherBytes = 8 << 20   // of all other machines together
	hostBoxes  = 1 << 16
	otherBoxes = 1 << 12
)

// A Fact is a packet or a request. It must not change once it is recorded.
type Fact interface {
	// who is the box: its hardware address, or an address that it holds a lease of.
	who() (inventory.MAC, netip.Addr)
	// size is an estimate of the memory that the fact takes, in bytes.
	size() int
	// again reports whether the fact may share an entry with an earlier one like it.
	again(earlier Fact) bool
	// tell puts the fact into words.
	tell(*Line)
}

// sizeOf is an estimate of the memory that an error takes. Each error that it wraps has a text of
// its own; two are usual.
func sizeOf(err error) int {
	if err == nil {
		return 0
	}
	return 64 + 2*len(err.Error())
}

// Options are the parts of a Recorder. All are required.
type Options struct {
	Clock func() time.Time // the machine's time
	// Known reports whether a hardware address belongs to a host of the inventory, or to its
	// BMC. It is called for each packet.
	Known func(inventory.MAC) bool
	// Holder returns the hardware address of the box that has an address.
	Holder func(netip.Addr) (inventory.MAC, bool)
}

// A Recorder keeps the facts. Its methods are safe for concurrent use. A nil Recorder
// records nothing.
type Recorder struct {
	options Options
	holders holders

	mu            sync.Mutex
	seq           uint64
	hosts, others part
	changed       chan struct{} // closed with the next fact; nil: nothing waits
}

// New makes an empty recorder.
func New(o Options) *Recorder {
	return &Recorder{
		options: o, holders: newHolders(o.Holder, o.Clock),
		hosts: newPart(hostBytes, hostBoxes), others: newPart(otherBytes, otherBoxes),
	}
}

// Record keeps a fact. A fact about an address that no box holds is dropped.
func (r *Recorder) Record(f Fact) {
	if r == nil {
		return
	}
	mac, addr := f.who()
	if mac == (inventory.MAC{}) {
		var ok bool
		if mac, ok = r.holders.of(addr); !ok {
			return
		}
	} else if addr.IsValid() {
		r.holders.forget(addr) // it may have changed hands
	}
	known := r.options.Known(mac)
	now := r.options.Clock().UnixNano()

	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	p := &r.others
	if known {
		p = &r.hosts
	}
	p.add(mac, f, r.seq, now)
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Bytes is an estimate of the memory of all entries.
func (r *Recorder) Bytes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hosts.bytes + r.others.bytes
}

// Changed returns a channel that is closed with the next fact of any box.
func (r *Recorder) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.changed
}

// Lines returns the last entries of a box after a number, oldest first, EachBox at most. A
// box may have several hardware addresses.
func (r *Recorder) Lines(macs []inventory.MAC, after uint64) []Line {
	lines := []Line{}
	for _, e := range r.entries(macs, after) {
		lines = append(lines, e.line())
	}
	return lines
}

func (r *Recorder) entries(macs []inventory.MAC, after uint64) []entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []entry
	for _, mac := range macs {
		all = r.hosts.after(all, mac, after)
		all = r.others.after(all, mac, after)
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	return all[max(0, len(all)-EachBox):]
}
