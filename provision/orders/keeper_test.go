package orders

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/store"
	"rackhand/provision/store/storetest"
)

// A testKeeper is a keeper over a real store, with a clock of its own.
type testKeeper struct {
	*Keeper
	t     *testing.T
	store store.Store
	ahead atomic.Int64
}

func newTestKeeper(t *testing.T) *testKeeper {
	t.Helper()
	st, err := store.OpenBolt(filepath.Join(storetest.Dir(t), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	d := &testKeeper{t: t, store: st}
	d.restart()
	return d
}

func (d *testKeeper) restart() {
	d.t.Helper()
	d.ahead.Add(int64(time.Second))
	start := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return start.Add(time.Duration(d.ahead.Load())) }
	k, err := Open(d.t.Context(), Options{Store: d.store, Counted: clock, Clock: func() time.Time { return clock().Add(time.Hour) }, Random: rand.Reader})
	if err != nil {
		d.t.Fatal(err)
	}
	d.Keeper = k
}

// asks begins an agent's wait and returns once it waits.
func (d *testKeeper) asks(host, last string) (order <-chan *catalog.Order, hangUp func()) {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	got := make(chan *catalog.Order, 1)
	d.mu.Lock()
	before := d.waiting[host]
	d.mu.Unlock()
	go func() {
		o, err := d.Wait(ctx, host, last)
		if err != nil {
			d.t.Error(err)
		}
		got <- o
	}()
	for range 3000 {
		d.mu.Lock()
		now := d.waiting[host]
		d.mu.Unlock()
		if now != nil && now != before || len(got) > 0 {
			return got, cancel
		}
		time.Sleep(time.Millisecond)
	}
	d.t.Fatal("it doesn't wait")
	return nil, nil
}

// TestWayOfAnOrder: from the operator to the agent and back, across restarts of the
// appliance, and one that asks twice.
func TestWayOfAnOrder(t *testing.T) {
	d := newTestKeeper(t)
	if _, _, err := d.Place(t.Context(), "web1", catalog.Order{}); !errors.Is(err, ErrNeverAsks) {
		t.Errorf("before it asked: %v", err)
	}
	first, _ := d.asks("web1", "")
	second, _ := d.asks("web1", "")
	if o := <-first; o != nil {
		t.Errorf("the older request gets %+v", o)
	}
	if !d.Connected("web1") || d.Connected("web2") {
		t.Error("the wrong agents are connected")
	}
	placed, joined, err := d.Place(t.Context(), "web1", catalog.Order{Noop: true})
	if err != nil || joined || placed.Created.Hour() != 13 {
		t.Fatalf("%+v, %v, %v", placed, joined, err)
	}
	if o := <-second; o == nil || o.ID != placed.ID || !o.Noop {
		t.Errorf("the agent gets %+v", o)
	}
	changes, rev := d.Changes(t.Context(), []string{"web1", "web2"}, 0)
	if len(changes) != 1 || changes[0].State != Delivered {
		t.Errorf("changes: %+v", changes)
	}
	// It asks again after a restart of the appliance: the answer to it was lost.
	d.restart()
	again, _ := d.asks("web1", "")
	if o := <-again; o == nil || o.ID != placed.ID {
		t.Errorf("after a restart it gets %+v", o)
	}
	third, hangUp := d.asks("web1", placed.ID)
	if err := d.Answer(t.Context(), "web1", catalog.Report{Order: placed.ID, Status: catalog.Changed}); err != nil {
		t.Fatal(err)
	}
	hangUp()
	if o := <-third; o != nil || d.Connected("web1") {
		t.Errorf("it gets %+v for one that it has made", o)
	}
	changes, later := d.Changes(t.Context(), []string{"web1"}, rev)
	if len(changes) != 1 || changes[0].State != Answered || changes[0].Report.Status != catalog.Changed || later <= rev {
		t.Errorf("changes: %+v, %d after %d", changes, later, rev)
	}
	d.restart()
	if changes, _ := d.Changes(t.Context(), []string{"web1"}, 0); len(changes) != 1 || changes[0].State != Answered || changes[0].Report == nil {
		t.Errorf("after a restart: %+v", changes)
	}
}

// TestExpires: an order that no agent fetches expires, and a wait for changes returns it.
func TestExpires(t *testing.T) {
	d := newTestKeeper(t)
	wait, hangUp := d.asks("web1", "")
	hangUp()
	<-wait
	if _, _, err := d.Place(t.Context(), "web1", catalog.Order{}); err != nil {
		t.Fatal(err)
	}
	d.ahead.Add(int64(WaitFor) + 1)
	changes, rev := d.Changes(t.Context(), []string{"web1"}, 0)
	if len(changes) != 1 || changes[0].State != Expired {
		t.Errorf("changes: %+v", changes)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if changes, _ := d.Changes(ctx, []string{"web1"}, rev); len(changes) != 0 {
		t.Errorf("nothing new: %+v", changes)
	}
}
