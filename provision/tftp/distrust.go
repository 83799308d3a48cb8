package tftp

import (
	"io"
	"net/netip"
	"time"
)

// A request's address is whatever its sender wrote there. Until somebody at that
// address has acknowledged a packet, an answer may be what a stranger aims at a third
// party, and is kept small.
const (
	// A client that holds a lease is sent the first packet up to seven times: after 30,
	// 60, 120, 240, 480 and 960 ms. Firmware asks again after 1 to 4 s.
	leasedRetries = 6
	// Any other is sent it once. strangerWait is how long its answer is waited for; a
	// request that came again meanwhile has its turn then.
	strangerWait = 2 * time.Second
)

// distrust bounds what a transfer sends until its client has acknowledged something.
// The library copies its waits for each transfer, into fields that aren't exported;
// without those it waits as it always does, and TestAmplification fails.
func (s *Server) distrust(rf io.ReaderFrom, src *source, peer netip.Addr) {
	again, wait, acked := field[int](rf, "retries"), field[time.Duration](rf, "timeout"), field[int](rf, "datagramsAcked")
	if again == nil || wait == nil || acked == nil {
		return
	}
	if *again = leasedRetries; !s.Leased(peer) {
		*again, *wait = 0, strangerWait
	}
	src.acked, src.trust = acked, func() { *again, *wait = retries, firstWait }
}

// A silence ends a transfer whose client has never answered: it goes as a panic from
// the library's hook to send. The library would send that client an error, which is
// one packet more to whoever never asked.
type silence struct{ error }

// send has the library send a file. The number is that of the bytes that it was given.
func send(rf io.ReaderFrom, src *source) (sent int64, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case silence:
			sent, err = src.given, p.error
		default:
			panic(p)
		}
	}()
	return rf.ReadFrom(src)
}
