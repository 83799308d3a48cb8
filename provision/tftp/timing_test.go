package tftp

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestWait checks that waits grow from tens of milliseconds to a second, and take about 12
// s in total.
func TestWait(t *testing.T) {
	var all time.Duration
	for n := range retries + 1 {
		w := wait(n)
		if n == 0 && w != firstWait || n > 0 && w < wait(n-1) || w > lastWait {
			t.Errorf("wait %d is %v", n, w)
		}
		if n == retries {
			w = firstWait // the library gives up without its pause
		}
		all += w
	}
	if all < 10*time.Second || all > 14*time.Second {
		t.Errorf("the server gives up after %v", all)
	}
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		pause := backoff(ctx)
		for n := range retries {
			began := time.Now()
			if left := pause(n); left != 0 {
				t.Errorf("the library would wait another %v", left)
			}
			if got := time.Since(began) + firstWait; got != wait(n) {
				t.Errorf("wait %d took %v, want %v", n, got, wait(n))
			}
		}
		cancel()
		began := time.Now()
		if pause(retries); time.Since(began) != 0 {
			t.Errorf("a server that goes down waited %v", time.Since(began))
		}
	})
}
