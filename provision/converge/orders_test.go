package converge

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// orderly is the appliance's side of orders: each request gets the next answer.
type orderly struct {
	mu      sync.Mutex
	answers []any // a status, an Order, or nil for an answer without an order
	last    []string
	pauses  []time.Duration
}

// asked is what it was asked with, in which order.
func (o *orderly) asked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.last)
}

func (o *orderly) serve(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.last = append(o.last, r.URL.Query().Get("last"))
	var next any
	wait := len(o.answers) == 0
	if !wait {
		next, o.answers = o.answers[0], o.answers[1:]
	}
	o.mu.Unlock()
	if status, ok := next.(int); ok {
		http.Error(w, "not now", status)
		return
	}
	w.Write([]byte("\n"))
	w.(http.Flusher).Flush()
	switch {
	case wait:
		<-r.Context().Done()
	case next != nil:
		json.NewEncoder(w).Encode(next)
	}
}

// orders is how many different ones it has.
func (o *orderly) orders() int {
	seen := map[string]bool{}
	for _, a := range o.answers {
		if order, ok := a.(catalog.Order); ok {
			seen[order.ID] = true
		}
	}
	return len(seen)
}

// daemon runs an agent that waits for orders until so many runs are made, and calls after
// for each of them.
func (r *testHost) daemon(o *orderly, runs int, after func(run int)) {
	r.t.Helper()
	r.app.gives(o.serve)
	r.Orders, r.rest = true, func(ctx context.Context, d time.Duration) error {
		o.mu.Lock()
		o.pauses = append(o.pauses, d)
		o.mu.Unlock()
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	run, orders := 0, o.orders()
	r.Sleep = func(asleep context.Context, d time.Duration) error {
		if run++; run <= runs {
			after(run)
		}
		if run == runs {
			cancel()
		}
		if run <= orders || run == runs {
			<-asleep.Done()
		}
		return asleep.Err()
	}
	if err := r.Run(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for something that another goroutine does.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 3000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(what + " didn't come")
}

// TestOrders: a run is made at once for each order, its report bears the order's id, and a
// dry run changes nothing. The agent names what it has done, and doesn't do it again.
func TestOrders(t *testing.T) {
	r := newTestHost(t)
	o := &orderly{answers: []any{
		nil, catalog.Order{ID: "one", Noop: true}, catalog.Order{ID: "one", Noop: true}, nil, catalog.Order{ID: "two"},
	}}
	r.once(catalog.Changed)
	r.synchronised = true // no question for the time
	before := r.app.opened.Load()
	r.daemon(o, 3, func(run int) {
		if run == 1 {
			r.write("root/etc/motd", "drifted")
		}
		if run == 2 && r.read("root/etc/motd") != "drifted" {
			t.Error("the dry run changed something")
		}
	})
	var got []string
	for _, x := range r.app.reports {
		got = append(got, strings.TrimSpace(x.Order+" "+x.Status+map[bool]string{true: " noop"}[x.Noop]))
	}
	if text := strings.Join(got, ", "); text != "changed, ok, one changed noop, two changed" {
		t.Errorf("reports: %s\n%s", text, r.out)
	}
	if r.app.reports[1].Interval != 1800 || r.read("root/etc/motd") != "hello\n" {
		t.Errorf("interval %g, /etc/motd %q", r.app.reports[1].Interval, r.read("root/etc/motd"))
	}
	if text := strings.Join(o.asked()[:5], ","); text != ",,one,one,one" {
		t.Errorf("it asked with %q", o.asked())
	}
	// The wait after a run uses that run's connection.
	if n := r.app.opened.Load() - before; n != 3 {
		t.Errorf("%d connections for 3 runs and the waits after them", n)
	}
	state, err := readState(r.root.state())
	if err != nil || state.Order != "two" || state.Last == nil || state.Last.Order != "two" {
		t.Errorf("the state: %+v, %v", state.Last, err)
	}
	// After a restart it still knows what it has done.
	r.restart()
	o = &orderly{}
	r.daemon(o, 1, func(int) {
		until(t, "a question", func() bool { return len(o.asked()) > 0 })
	})
	if got := slices.Compact(o.asked()); strings.Join(got, " ") != "two" {
		t.Errorf("after a restart it asks with %q", got)
	}
}

// TestOrderWithoutAnswer: an order whose dry run can't be reported is carried out again, at
// most three times in all; a real run's report waits on disk, so that one is made once.
func TestOrderWithoutAnswer(t *testing.T) {
	for _, noop := range []bool{true, false} {
		r := newTestHost(t)
		r.once(catalog.Changed)
		r.app.fail["/v1/report"] = 403
		r.answered = "an earlier one"
		r.daemon(&orderly{answers: []any{catalog.Order{ID: "one", Noop: noop}}}, 6, func(int) {})
		runs := strings.Count(r.out.String(), "msg=run status")
		dry := strings.Count(r.out.String(), `msg="dry run"`)
		if want := map[bool]int{true: orderTries, false: 0}[noop]; dry != want || runs+dry != 7 {
			t.Errorf("noop %v: %d dry runs, %d others\n%s", noop, dry, runs, r.out)
		}
		if state, err := readState(r.root.state()); err != nil || !noop && (state.Order != "one" || len(state.Unsent) == 0) {
			t.Errorf("noop %v: %+v, %v", noop, state, err)
		}
	}
}

// TestNoOrders: an appliance of before there were orders, or one that refuses the host, is
// asked once between two runs; one that is away is asked again, with growing pauses.
func TestNoOrders(t *testing.T) {
	for _, tt := range []struct {
		answers []any
		asked   int
		most    time.Duration
	}{
		{[]any{404}, 1, 0},
		{[]any{403}, 1, 0},
		{[]any{503, 502, 500, 503, 503, 503, 404}, 7, longestOrder * 3 / 2},
		{[]any{catalog.Order{ID: "no/id"}, 404}, 2, orderPause * 3 / 2},
		{[]any{map[string]string{"id": strings.Repeat("x", 5000)}, 404}, 2, orderPause * 3 / 2},
	} {
		r := newTestHost(t)
		o := &orderly{answers: tt.answers}
		r.daemon(o, 1, func(int) {
			until(t, "a question", func() bool { return len(o.asked()) >= tt.asked })
		})
		var longest time.Duration
		for _, p := range o.pauses { // the daemon has ended
			longest = max(longest, p)
		}
		if len(o.asked()) != tt.asked || longest > tt.most || tt.most > 0 && longest < tt.most/3 {
			t.Errorf("%v: asked %d times, at most after %s", tt.answers, len(o.asked()), longest)
		}
	}
}
