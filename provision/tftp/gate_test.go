package tftp

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func client(host, port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, byte(host >> 8), byte(host)}), uint16(port))
}

// empty checks that a gate has no entries.
func empty(t *testing.T, g *gate) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running != 0 || g.waiting != 0 || len(g.of) != 0 || len(g.ports) != 0 || len(g.queue) != 0 {
		t.Errorf("left in the gate: %d run, %d wait, %d addresses, %d ports, %d queued", g.running, g.waiting, len(g.of), len(g.ports), len(g.queue))
	}
}

// TestGateRack checks that 200 boxes at once all get their turn, few at a time and in
// order.
func TestGateRack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{most: 16, each: 8, maxWaiting: 512, patience: 10 * time.Second}
		var (
			wg        sync.WaitGroup
			mu        sync.Mutex
			now, most int
			order     []int
		)
		for i := range 200 {
			wg.Go(func() {
				ticket, err := g.enter(t.Context(), client(i, 1000), time.Now)
				if err != nil || ticket.state != runs {
					t.Errorf("box %d: %v", i, err)
					return
				}
				mu.Lock()
				now++
				most = max(most, now)
				order = append(order, i)
				mu.Unlock()
				time.Sleep(100*time.Millisecond + time.Duration(i)*time.Microsecond)
				mu.Lock()
				now--
				mu.Unlock()
				g.release(ticket)
			})
			synctest.Wait()
		}
		wg.Wait()
		if most != 16 {
			t.Errorf("%d ran at once, want 16", most)
		}
		for i, box := range order {
			if i != box {
				t.Fatalf("box %d came at place %d", box, i)
			}
		}
		empty(t, g)
	})
}

// TestGateEach checks that one address can use neither all transfers nor all waiting slots,
// and doesn't block those behind it.
func TestGateEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{most: 10, each: 3, maxWaiting: 100, patience: 5 * time.Second}
		var mu sync.Mutex
		var turns, refused int
		for i := range 50 {
			go func() {
				ticket, err := g.enter(t.Context(), client(1, 1000+i), time.Now)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					refused++
					return
				}
				turns++
				time.AfterFunc(time.Hour, func() { g.release(ticket) })
			}()
		}
		synctest.Wait()
		mu.Lock()
		if turns != 3 || refused != 50-3-waitersEach {
			t.Errorf("%d have a turn, %d are refused", turns, refused)
		}
		mu.Unlock()
		other, err := g.enter(t.Context(), client(2, 1000), time.Now)
		if err != nil {
			t.Fatalf("another box: %v", err)
		}
		g.release(other)
		time.Sleep(6 * time.Second)
		mu.Lock()
		if refused != 50-3 {
			t.Errorf("%d are refused in the end", refused)
		}
		mu.Unlock()
		time.Sleep(2 * time.Hour)
		empty(t, g)
	})
}

// TestGateBusy checks that a request is refused at once when all waiting slots are in use,
// and that no request waits during a shutdown.
func TestGateBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{most: 1, each: 1, maxWaiting: 1, patience: time.Minute}
		ctx, cancel := context.WithCancel(t.Context())
		first, err := g.enter(ctx, client(1, 1), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error)
		go func() { _, err := g.enter(ctx, client(2, 1), time.Now); waited <- err }()
		synctest.Wait()
		if _, err := g.enter(ctx, client(3, 1), time.Now); !errors.Is(err, errBusy) {
			t.Errorf("over the room: %v", err)
		}
		cancel()
		if err := <-waited; !errors.Is(err, errBusy) {
			t.Errorf("going down: %v", err)
		}
		g.release(first)
		empty(t, g)
	})
}

func TestGateRepeats(t *testing.T) {
	for name, tc := range map[string]struct {
		during func(g *gate, first *ticket) // while the copy waits, or before it comes
		before bool
		want   ticketState
		stays  bool // the first is left to the end
	}{
		"the first is answered":         {during: func(_ *gate, first *ticket) { first.ackedAt(time.Now()) }, want: duplicate, stays: true},
		"the first was answered before": {during: func(_ *gate, first *ticket) { first.ackedAt(time.Now()) }, before: true, want: duplicate, stays: true},
		"the first hangs":               {during: func(*gate, *ticket) {}, want: duplicate, stays: true},
		"the first fails":               {during: func(g *gate, first *ticket) { g.release(first) }, want: runs},
		"the first is served and ends": {during: func(g *gate, first *ticket) {
			first.ackedAt(time.Now())
			g.release(first)
		}, want: duplicate},
		"the client started again": {during: func(_ *gate, first *ticket) {
			first.ackedAt(time.Now())
			time.Sleep(staleAfter)
		}, before: true, want: runs, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gate{most: 9, each: 9, maxWaiting: 9, patience: time.Minute}
				first, err := g.enter(t.Context(), client(1, 1), time.Now)
				if err != nil {
					t.Fatal(err)
				}
				if tc.before {
					tc.during(g, first)
				}
				type answer struct {
					ticket *ticket
					err    error
				}
				done := make(chan answer)
				go func() { ticket, err := g.enter(t.Context(), client(1, 1), time.Now); done <- answer{ticket, err} }()
				synctest.Wait()
				if !tc.before {
					tc.during(g, first)
				}
				copied := <-done
				if copied.err != nil || copied.ticket.state != tc.want {
					t.Fatalf("the copy: %+v, %v; want %v", copied.ticket, copied.err, tc.want)
				}
				if tc.stays {
					g.release(first)
				}
				g.release(copied.ticket)
				empty(t, g)
			})
		})
	}
}

// TestGateManyCopies checks that a client that asks again and again while it waits starts
// one transfer only.
func TestGateManyCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{most: 4, each: 4, maxWaiting: 100, patience: 10 * time.Second}
		var mu sync.Mutex
		var turns int
		for range 100 {
			go func() {
				ticket, err := g.enter(t.Context(), client(1, 1), time.Now)
				if err != nil {
					return
				}
				if ticket.state == runs {
					mu.Lock()
					turns++
					mu.Unlock()
					time.Sleep(time.Second)
					ticket.ackedAt(time.Now())
				}
				g.release(ticket)
			}()
		}
		synctest.Wait()
		g.mu.Lock()
		running, waiting := g.running, g.waiting
		g.mu.Unlock()
		if running != 1 || waiting != waitersEach {
			t.Errorf("%d run, %d wait", running, waiting)
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if turns != 1 {
			t.Errorf("%d had a turn", turns)
		}
		empty(t, g)
	})
}
