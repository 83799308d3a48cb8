package tftp

import (
	"context"
	"time"
)

// How a transfer waits for its client. Firmware retransmits after 1 to 4 s, so on a link
// that loses packets the server's timer determines how long a boot takes. A block is sent
// again after firstWait, then after twice that, and so on up to lastWait. The server gives
// up after some 12 s of silence. docs/decisions/0005-tftp-under-loss.md has the
// measurements.
//
// The library uses one wait for all blocks of all transfers, and can't use a measured round
// trip. So firstWait is well above the round trip of a link (0.1 to 10 ms with the client's
// own time) and well below a delay that affects a boot.
const (
	firstWait = 30 * time.Millisecond
	lastWait  = time.Second
	retries   = 16 // 30+60+120+240+480+960 ms, ten times 1 s, firstWait: 11.9 s
)

// wait is how long the server waits for an ACK after it sent a block for the nth time, from
// 0.
func wait(n int) time.Duration {
	w := firstWait
	for range n {
		if w *= 2; w >= lastWait {
			return lastWait
		}
	}
	return w
}

// backoff waits for the rest of wait(n) after firstWait. The library listens for firstWait
// after each send, but not during this wait: packets stay in the socket until the block was
// sent again. The first wait has no such gap, and nearly all losses end with it. When ctx
// ends, backoff returns at once, so a client that has gone doesn't delay the shutdown.
func backoff(ctx context.Context) func(int) time.Duration {
	return func(n int) time.Duration {
		left := wait(n) - firstWait
		if left <= 0 {
			return 0
		}
		t := time.NewTimer(left)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		return 0
	}
}
