package connlimit

// Limits bound how many connections of a port are open at once.
type Limits struct {
	PerAddress int // of one address
	Unknown    int // of all addresses that aren't known, together
	Known      int // of all known addresses together; unknown ones can't use these
}

// A verdict is the decision about a new connection.
type verdict int

const (
	admit   verdict = iota
	replace         // admitted in the slot of another one
	refuse          // beyond the limits: admitted for as long as a refusal takes
	reject          // closed without an answer, so that the cost of refusals is bounded too
)

// A client is an address that has connections.
type client struct {
	known bool
	held  int // connections
}

// A slot is what one connection holds.
type slot struct {
	of    *client
	idle  bool   // no request of it is being answered
	since uint64 // a number that grows: when it came, or was last busy
}

// decide decides about a new connection of the client from. out is the index in open of the
// connection that makes room, when the verdict is replace. inShare is how many of open use
// the same share as from.
//
// An address at its limit gives up an idle connection of its own. When the share is full, an
// address with more connections than the client gives up one: an idle one before a busy one,
// the oldest first.
func (l Limits) decide(open []*slot, from *client, inShare int) (v verdict, out int) {
	share := l.Unknown
	if from.known {
		share = l.Known
	}
	if from.held >= l.PerAddress {
		out = choose(open, func(p *slot) (int, bool) { return 0, p.of == from && p.idle })
		return full(out, from.held >= 2*l.PerAddress)
	}
	if inShare < share {
		return admit, -1
	}
	out = choose(open, func(p *slot) (int, bool) {
		return p.of.held, p.of.known == from.known && p.idle && p.of.held > from.held
	})
	if out < 0 {
		out = choose(open, func(p *slot) (int, bool) {
			return p.of.held, p.of.known == from.known && p.of.held > from.held+1
		})
	}
	return full(out, inShare >= share+share/4)
}

// full is the verdict when there is no free slot: out makes room, or the connection is
// refused.
func full(out int, far bool) (verdict, int) {
	switch {
	case out >= 0:
		return replace, out
	case far:
		return reject, -1
	}
	return refuse, -1
}

// choose returns the index of the slot with the highest rank among those that may go, the
// oldest of several; -1 when none may go.
func choose(open []*slot, may func(*slot) (rank int, ok bool)) int {
	best, highest := -1, 0
	for i, p := range open {
		rank, ok := may(p)
		if ok && (best < 0 || rank > highest || rank == highest && p.since < open[best].since) {
			best, highest = i, rank
		}
	}
	return best
}
