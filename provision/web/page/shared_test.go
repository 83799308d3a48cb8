package page

import (
	"context"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMadeOnce: a page that many ask for at once is made once, and of pages that differ no
// more are made at a time than there are turns.
func TestMadeOnce(t *testing.T) {
	s := newShared(func() time.Time { return time.Unix(0, 0) })
	var count, now, most atomic.Int32
	work := func(context.Context) *made {
		count.Add(1)
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		runtime.Gosched()
		now.Add(-1)
		return record(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat("x", 1000)))
		}, nil)
	}
	ask := func(key func(int) string) {
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				if m, err := s.get(context.Background(), key(i), work); err != nil || len(m.body) != 1000 || m.status != http.StatusOK {
					t.Errorf("%v %v", m, err)
				}
			})
		}
		wg.Wait()
	}
	ask(func(int) string { return "one" })
	if n := count.Load(); n != 1 {
		t.Errorf("one page was made %d times", n)
	}
	ask(func(i int) string { return strings.Repeat("k", i+1) })
	if n := count.Load(); n != 201 {
		t.Errorf("200 pages were made %d times", n-1)
	}
	if int(most.Load()) > cap(s.turns) {
		t.Errorf("%d were made at once, of %d", most.Load(), cap(s.turns))
	}
	if len(s.kept) > sharedPages {
		t.Errorf("%d are kept", len(s.kept))
	}
	// One that fails costs that page only.
	if _, err := s.get(context.Background(), "bad", func(context.Context) *made { panic("no") }); err == nil {
		t.Error("a panic is no error")
	}
}

func TestMayFollow(t *testing.T) {
	for _, tc := range []struct {
		known           bool
		own, open, most int
		want            bool
	}{
		{false, 0, 0, 64, true},
		{false, 15, 15, 64, true},
		{false, 16, 16, 64, false}, // enough of one address
		{false, 0, 48, 64, false},  // the rest is the known's
		{true, 40, 63, 64, true},
		{true, 0, 64, 64, false},
		{false, 0, 0, 2, true},
	} {
		if got := mayFollow(tc.known, tc.own, tc.open, tc.most); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
	s := newStreams(4, nil)
	a := netip.MustParseAddr("192.0.2.1")
	if !s.enter(a) || s.enter(a) {
		t.Error("one of an address")
	}
	if s.leave(a); s.open != 0 || len(s.of) != 0 || !s.enter(a) {
		t.Error("one that left is counted")
	}
}
