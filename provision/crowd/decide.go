package crowd

// Limits bound how many connections of a port are open at once.
type Limits struct {
	OfOne     int // of one address
	Strangers int // of all addresses that aren't known, together
	Known     int // of all that are: strangers can't take these
}

// A verdict is what becomes of a connection that comes.
type verdict int

const (
	admit verdict = iota
	swap          // let in, in the place of another one
	tell          // one too many: let in to be told so
	cut           // closed without a word, so that what it costs to tell is bounded too
)

// A visitor is an address that has connections.
type visitor struct {
	known bool
	held  int // connections
}

// A place is what one connection holds.
type place struct {
	of    *visitor
	idle  bool   // no request of its is being answered
	since uint64 // a number that grows: when it came, or was last busy
}

// decide says whether one more connection comes in, and which of the open ones makes room
// for it (an index, when the verdict is swap). inShare is how many of the open ones are in
// the share of who comes. An address that has all that it may have gives up one of its own
// that is idle. When a share is full, the one goes that an address with more connections
// than the one who comes can best do without: an idle one before a busy one, the oldest
// first.
func (l Limits) decide(open []*place, who *visitor, inShare int) (v verdict, out int) {
	share := l.Strangers
	if who.known {
		share = l.Known
	}
	if who.held >= l.OfOne {
		out = choose(open, func(p *place) (int, bool) { return 0, p.of == who && p.idle })
		return full(out, who.held >= 2*l.OfOne)
	}
	if inShare < share {
		return admit, -1
	}
	out = choose(open, func(p *place) (int, bool) {
		return p.of.held, p.of.known == who.known && p.idle && p.of.held > who.held
	})
	if out < 0 {
		out = choose(open, func(p *place) (int, bool) {
			return p.of.held, p.of.known == who.known && p.of.held > who.held+1
		})
	}
	return full(out, inShare >= share+share/4)
}

// full is the verdict where somebody has to go: out, or else the one who comes.
func full(out int, far bool) (verdict, int) {
	switch {
	case out >= 0:
		return swap, out
	case far:
		return cut, -1
	}
	return tell, -1
}

// choose finds the place with the highest rank of those that may go, the oldest of several;
// -1 when none may.
func choose(open []*place, may func(*place) (rank int, ok bool)) int {
	best, highest := -1, 0
	for i, p := range open {
		rank, ok := may(p)
		if ok && (best < 0 || rank > highest || rank == highest && p.since < open[best].since) {
			best, highest = i, rank
		}
	}
	return best
}
