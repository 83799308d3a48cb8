package ipmi

// A replayWindow drops datagrams that came before (IPMI 2.0 §6.12.13): the number of each is
// new, and at most 31 behind the highest.
type replayWindow struct {
	high uint32
	seen uint32 // bit n: high-n came
}

// fresh reports whether a datagram's number is new, and remembers it.
func (w *replayWindow) fresh(seq uint32) bool {
	switch {
	case seq == 0:
		return false
	case seq > w.high:
		if d := seq - w.high; d < 32 {
			w.seen <<= d
		} else {
			w.seen = 0
		}
		w.seen |= 1
		w.high = seq
		return true
	case w.high-seq >= 32 || w.seen&(1<<(w.high-seq)) != 0:
		return false
	}
	w.seen |= 1 << (w.high - seq)
	return true
}
