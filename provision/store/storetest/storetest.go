// Package storetest is the conformance suite of provision/store: tests that every
// implementation must pass.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/store"
)

// Run holds an implementation to the contract. open returns a new, empty store
// each time; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	tests := []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"get and put", testGetPut},
		{"values are copied", testCopies},
		{"compare and swap", testCompareAndSwap},
		{"all or nothing", testAllOrNothing},
		{"list", testList},
		{"range", testRange},
		{"limits", testLimits},
		{"context", testContext},
		{"concurrent counters", testConcurrentCounters},
		{"watch in order", testWatchInOrder},
		{"watch a prefix", testWatchPrefix},
		{"no gap between list and watch", testListWatchNoGap},
		{"watch ends with its context", testWatchEnds},
		{"close", testClose},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			tt.test(t, s)
		})
	}
}

// RunReopen holds a durable implementation to what must outlive a process. open
// opens the store that is kept under dir, and creates it the first time.
func RunReopen(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	dir := t.TempDir()
	ctx := t.Context()
	s := open(t, dir)
	var want []store.Record
	var last uint64
	for i := range 100 {
		key := fmt.Sprintf("k/%03d", i)
		last = put(t, s, key, strings.Repeat("v", i*50))
		want = append(want, store.Record{Key: key, Value: []byte(strings.Repeat("v", i*50)), Rev: last})
	}
	last = txn(t, s, nil, store.Op{Key: "k/050", Delete: true})
	want = slices.Delete(want, 50, 51)
	for range 3 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		s = open(t, dir)
		got, rev, err := s.List(ctx, "")
		if err != nil {
			t.Fatalf("List after reopening: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records after reopening (-want +got):\n%s", diff)
		}
		if rev < last {
			t.Errorf("revision after reopening is %d, less than %d", rev, last)
		}
		// A watch from before either gives every change or says that it can't.
		if _, err := s.Watch(ctx, "", 1); err != nil && !errors.Is(err, store.ErrCompacted) {
			t.Errorf("Watch from revision 1 after reopening: %v, want none or ErrCompacted", err)
		}
		ch, err := s.Watch(ctx, "", rev)
		if err != nil {
			t.Fatalf("Watch from the listed revision after reopening: %v", err)
		}
		last = put(t, s, "k/000", "again")
		want[0].Value, want[0].Rev = []byte("again"), last
		if got := next(t, ch); got.Key != "k/000" || got.Rev != last {
			t.Errorf("change after reopening: %+v, want k/000 at %d", got, last)
		}
		if last <= rev {
			t.Errorf("a write after reopening got revision %d, not above %d", last, rev)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// txn runs a transaction that must succeed.
func txn(t *testing.T, s store.Store, conds []store.Cond, ops ...store.Op) uint64 {
	t.Helper()
	rev, err := s.Txn(t.Context(), conds, ops...)
	if err != nil {
		t.Fatalf("Txn: %v", err)
	}
	return rev
}

func put(t *testing.T, s store.Store, key, value string) uint64 {
	t.Helper()
	return txn(t, s, nil, store.Op{Key: key, Value: []byte(value)})
}

// next waits for a watcher's next change. It fails by the test's own deadline.
func next(t *testing.T, ch <-chan store.Change) store.Change {
	t.Helper()
	c, ok := <-ch
	if !ok {
		t.Fatal("the watch was closed")
	}
	return c
}

func keys(recs []store.Record) []string {
	out := []string{}
	for _, r := range recs {
		out = append(out, r.Key)
	}
	return out
}

func testContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Txn(ctx, nil, store.Op{Key: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Txn with an ended context: %v, want context.Canceled", err)
	}
	if _, err := s.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get with an ended context: %v, want context.Canceled", err)
	}
	if _, _, err := s.List(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("List with an ended context: %v, want context.Canceled", err)
	}
	if _, err := s.Watch(ctx, "a", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch with an ended context: %v, want context.Canceled", err)
	}
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get: %v: a transaction with an ended context was written", err)
	}
}

func testClose(t *testing.T, s store.Store) {
	ch, err := s.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if c, ok := <-ch; ok {
		t.Errorf("a watch of a closed store sent %+v", c)
	}
	ctx := t.Context()
	_, getErr := s.Get(ctx, "a")
	_, _, listErr := s.List(ctx, "")
	_, rangeErr := s.Range(ctx, "", "", 0, false)
	_, txnErr := s.Txn(ctx, nil, store.Op{Key: "a"})
	_, watchErr := s.Watch(ctx, "", 0)
	for name, err := range map[string]error{"Get": getErr, "List": listErr, "Range": rangeErr, "Txn": txnErr, "Watch": watchErr} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s on a closed store: %v, want ErrClosed", name, err)
		}
	}
}
