package trace

import (
	"rackhand/inventory"
)

// entryBytes is the memory of an entry besides its fact, in bytes.
const entryBytes = 192

// An entry is a fact, or several alike that share it.
type entry struct {
	fact     Fact
	mac      inventory.MAC
	seq      uint64
	first, n int64 // when the first of them came, in ns; how many there are
	last     int64 // when the last of them came, in ns
}

// A node is an entry in the two lists that it belongs to.
type node struct {
	entry
	bytes      int
	prev, next *node // in its part: by seq

	earlier, later *node // in its box: by seq
}

// A box is the list of a machine's entries, oldest first.
type box struct {
	first, last *node
	n, bytes    int
}

// A part is a bounded number of entries of some boxes. The oldest one makes room.
type part struct {
	most, mostBoxes int
	bytes           int
	boxes           map[inventory.MAC]*box
	first, last     *node
}

func newPart(bytes, boxes int) part {
	return part{most: bytes, mostBoxes: boxes, boxes: map[inventory.MAC]*box{}}
}

// add appends a fact, and removes what exceeds a bound.
func (p *part) add(mac inventory.MAC, f Fact, seq uint64, now int64) {
	b := p.boxes[mac]
	if b == nil {
		b = &box{}
		p.boxes[mac] = b
	}
	n := &node{entry: entry{fact: f, mac: mac, seq: seq, first: now, last: now, n: 1}}
	if b.last != nil {
		if f.again(b.last.fact) {
			n.first, n.n = b.last.first, b.last.n+1
			p.removeLast(b)
		}
	}
	n.bytes = entryBytes + n.fact.size()
	p.link(n)
	if n.earlier = b.last; n.earlier != nil {
		n.earlier.later = n
	} else {
		b.first = n
	}
	b.last = n
	b.n++
	b.bytes += n.bytes
	for b.n > EachBox || b.bytes > boxBytes && b.n > 1 {
		p.removeFirst(mac, b)
	}
	for p.first != n && (p.bytes > p.most || len(p.boxes) > p.mostBoxes) {
		p.removeFirst(p.first.mac, p.boxes[p.first.mac])
	}
}

func (p *part) link(n *node) {
	p.bytes += n.bytes
	if n.prev = p.last; n.prev != nil {
		n.prev.next = n
	} else {
		p.first = n
	}
	p.last = n
}

func (p *part) unlink(n *node) {
	p.bytes -= n.bytes
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		p.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		p.last = n.prev
	}
}

// removeFirst removes the oldest entry of a box, and the box with its last entry.
func (p *part) removeFirst(mac inventory.MAC, b *box) {
	n := b.first
	p.unlink(n)
	b.first = n.later
	b.n--
	b.bytes -= n.bytes
	if b.first == nil {
		delete(p.boxes, mac)
		return
	}
	b.first.earlier = nil
}

// removeLast removes the latest entry of a box, whose successor is linked next.
func (p *part) removeLast(b *box) {
	n := b.last
	p.unlink(n)
	b.n--
	b.bytes -= n.bytes
	if b.last = n.earlier; b.last != nil {
		b.last.later = nil
	} else {
		b.first = nil
	}
}

// after appends a box's entries after a number.
func (p *part) after(to []entry, mac inventory.MAC, seq uint64) []entry {
	b := p.boxes[mac]
	if b == nil || b.last.seq <= seq {
		return to
	}
	for n := b.first; n != nil; n = n.later {
		if n.seq > seq {
			to = append(to, n.entry)
		}
	}
	return to
}
