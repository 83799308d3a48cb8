package tftp

import (
	"io"
	"net/netip"
	"time"
)

// The sender of a request can forge its source address. Until that address has
// acknowledged a packet, the answer may be an attack on a third party, so it is kept small.
const (
	// A client that holds a lease is sent the first packet up to seven times: after 30, 60,
	// 120, 240, 480 and 960 ms. Firmware asks again after 1 to 4 s.
	leasedRetries = 6
	// Any other client is sent it once. unleasedWait is how long the server waits for its
	// answer. A repeated request is served after that.
	unleasedWait = 2 * time.Second
)

// limitAmplification bounds the packets of a transfer until its client has acknowledged
// one. It changes the library's unexported wait fields, which each transfer copies. If a
// library has no such fields, it waits as usual, and TestAmplification fails.
func (s *Server) limitAmplification(rf io.ReaderFrom, src *source, peer netip.Addr) {
	again, wait, acked := field[int](rf, "retries"), field[time.Duration](rf, "timeout"), field[int](rf, "datagramsAcked")
	if again == nil || wait == nil || acked == nil {
		return
	}
	if *again = leasedRetries; !s.Leased(peer) {
		*again, *wait = 0, unleasedWait
	}
	src.acked, src.trust = acked, func() { *again, *wait = retries, firstWait }
}

// An unanswered ends a transfer whose client has never answered. It is thrown as a panic in
// the library's hook, so that the library doesn't send an error: that would be one more
// packet to a machine that may never have asked.
type unanswered struct{ error }

// sendFile makes the library send a file. It returns the number of bytes that the library
// read.
func sendFile(rf io.ReaderFrom, src *source) (sent int64, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case unanswered:
			sent, err = src.given, p.error
		default:
			panic(p)
		}
	}()
	return rf.ReadFrom(src)
}
