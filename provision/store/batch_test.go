package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// openIdle opens a store whose writer does not run yet: requests wait.
func openIdle(t *testing.T) *boltStore {
	t.Helper()
	s, err := open(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs the writer and closes the store at the end of the test.
func start(t *testing.T, s *boltStore) {
	t.Helper()
	go s.writer()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// waitQueued waits until n transactions wait for the writer.
func waitQueued(s *boltStore, n int) {
	for len(s.reqs) < n { // the test's own deadline bounds it
		time.Sleep(time.Millisecond)
	}
}

func commits(t *testing.T, s *boltStore) int {
	t.Helper()
	var id int
	if err := s.db.View(func(tx *bbolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestGroupCommit: transactions that wait together share one sync, a conflict
// fails alone, and one sees the writes of those before it in the batch.
func TestGroupCommit(t *testing.T) {
	s := openIdle(t)
	const waiting = 100
	errs := make([]error, waiting)
	revs := make([]uint64, waiting)
	var wg sync.WaitGroup
	for i := range waiting {
		wg.Go(func() {
			// Two of them at a time want to create the same key: one of the two can.
			key := string([]byte{'k', byte(i / 2)})
			revs[i], errs[i] = s.Txn(t.Context(), []Cond{{Key: key}}, Op{Key: key, Value: []byte{byte(i)}})
		})
	}
	waitQueued(s, waiting)
	before := commits(t, s)
	start(t, s)
	wg.Wait()
	if n := commits(t, s) - before; n != 1 {
		t.Errorf("%d waiting transactions took %d commits, want 1", waiting, n)
	}
	won := map[uint64]bool{}
	for i, err := range errs {
		if err == nil {
			won[revs[i]] = true
		} else if !errors.Is(err, ErrConflict) {
			t.Error(err)
		}
	}
	if len(won) != waiting/2 {
		t.Errorf("%d transactions succeeded with a revision of their own, want %d", len(won), waiting/2)
	}
}

// TestBatchBounds: a batch takes no more than its bounds allow.
func TestBatchBounds(t *testing.T) {
	s := openIdle(t)
	defer func() { start(t, s) }()
	big := make([]byte, MaxValue)
	for _, tt := range []struct {
		name       string
		op         Op
		sent, want int
	}{
		{"small", Op{Key: "a"}, 10, 10},
		{"full queue", Op{Key: "a"}, maxBatch, maxBatch},
		{"bytes", Op{Key: "a", Value: big}, 10, maxBatchBytes / MaxValue},
	} {
		for range tt.sent {
			s.reqs <- newRequest(nil, []Op{tt.op})
		}
		if got := len(s.gather(<-s.reqs)); got != tt.want {
			t.Errorf("%s: a batch of %d, want %d", tt.name, got, tt.want)
		}
		for len(s.reqs) > 0 {
			<-s.reqs
		}
	}
}

// TestGivenUp: a transaction given up before the writer began is certainly not
// written; after that its end is unknown, and the error says so.
func TestGivenUp(t *testing.T) {
	s := openIdle(t)
	giveUp := func(key string, begin bool) (*request, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { _, err = s.Txn(ctx, nil, Op{Key: key}) })
		waitQueued(s, 1)
		r := <-s.reqs
		if begin {
			r.claimed.Store(true) // as the writer does
		}
		cancel()
		wg.Wait()
		return r, err
	}
	waiting, err := giveUp("waiting", false)
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnknown) {
		t.Errorf("given up while it waited: %v, want context.Canceled alone", err)
	}
	begun, err := giveUp("begun", true)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnknown) {
		t.Errorf("given up while it was written: %v, want context.Canceled and ErrUnknown", err)
	}
	s.write([]*request{begun})
	s.reqs <- waiting
	start(t, s)
	if _, err := s.Txn(t.Context(), nil, Op{Key: "after"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "waiting"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the one given up while it waited: %v, want ErrNotFound", err)
	}
	if _, err := s.Get(t.Context(), "begun"); err != nil {
		t.Errorf("the one given up while it was written: %v, want none", err)
	}
}

// TestCloseRefusesWaiting: requests that wait when the store closes get an error, and are
// not written.
func TestCloseRefusesWaiting(t *testing.T) {
	s := openIdle(t)
	const waiting = 5
	errs := make([]error, waiting)
	var wg sync.WaitGroup
	for i := range waiting {
		wg.Go(func() { _, errs[i] = s.Txn(t.Context(), nil, Op{Key: "k"}) })
	}
	waitQueued(s, waiting)
	close(s.closing)
	close(s.writerDone)
	wg.Wait()
	for _, err := range errs {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
	}
	if err := s.db.Close(); err != nil {
		t.Error(err)
	}
}
