package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/store"
)

func compacter(t *testing.T, s store.Store) store.Compacter {
	t.Helper()
	c, ok := s.(store.Compacter)
	if !ok {
		t.Fatalf("%T can't be compacted", s)
	}
	return c
}

// TestSizeOfGrowingFile asks for the size while bbolt maps a growing file again and again, and
// after the end. Each growth is a short moment, so there are many files.
func TestSizeOfGrowingFile(t *testing.T) {
	for i := range 5 {
		s, err := store.OpenBolt(filepath.Join(t.TempDir(), "test.db"))
		if err != nil {
			t.Fatal(err)
		}
		c := compacter(t, s)
		done := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					c.Size()
				}
			}
		})
		for j := range 8 {
			if _, err := s.Txn(t.Context(), nil, store.Op{Key: fmt.Sprint(j), Value: make([]byte, 8<<10<<j)}); err != nil {
				t.Fatal(err)
			}
		}
		close(done)
		asking.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if size := c.Size(); size.File == 0 {
			t.Errorf("file %d: closed, its size is %+v", i, size)
		}
	}
}

// A file that a flood has blown up shrinks, and nothing else changes: records, revisions,
// watches, and the lock that keeps others out.
func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := store.OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for i := range 32 {
		if _, err := s.Txn(t.Context(), nil, store.Op{Key: fmt.Sprintf("flood/%02d", i), Value: make([]byte, 1<<20)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 31 {
		if _, err := s.Txn(t.Context(), nil, store.Op{Key: fmt.Sprintf("flood/%02d", i), Delete: true}); err != nil {
			t.Fatal(err)
		}
	}
	before, rev, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	changes, err := s.Watch(t.Context(), "", rev)
	if err != nil {
		t.Fatal(err)
	}
	c := compacter(t, s)
	if size := c.Size(); size.File < 32<<20 || size.Free < 30<<20 {
		t.Fatalf("before: %+v", size)
	}
	if err := c.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if size := c.Size(); size.File > 4<<20 || size.Free > 1<<20 {
		t.Errorf("after: %+v", size)
	}
	after, now, err := s.List(t.Context(), "")
	if err != nil || now != rev || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%v; %d records at %d became %d at %d", err, len(before), rev, len(after), now)
	}
	if _, err := store.OpenBolt(path, store.LockTimeout(10*time.Millisecond)); err == nil {
		t.Error("another one opens the new file")
	}
	next, err := s.Txn(t.Context(), []store.Cond{{Key: "flood/31", Rev: rev - 31}}, store.Op{Key: "next", Value: []byte("1")})
	if err != nil || next != rev+1 {
		t.Errorf("the next transaction is at %d, want %d: %v", next, rev+1, err)
	}
	if got := <-changes; got.Key != "next" || got.Rev != next {
		t.Errorf("watched %+v", got.Record)
	}
	if _, err := os.Stat(path + ".compact"); err == nil {
		t.Error("the new file's first name is still there")
	}
}

// Readers and writers go on while a store is compacted again and again.
func TestCompactUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := store.OpenBolt(path, store.History(2048)) // falls out of it, too
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 { // so that a copy takes its time
		ops := make([]store.Op, 100)
		for k := range ops {
			ops[k] = store.Op{Key: fmt.Sprintf("still/%04d", 100*i+k), Value: []byte(strings.Repeat(fmt.Sprint(100*i+k), 200))}
		}
		if _, err := s.Txn(t.Context(), nil, ops...); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	revs := make([]map[string]uint64, 4)
	for w := range revs {
		revs[w] = map[string]uint64{}
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("%d/%03d", w, i%200)
				rev, err := s.Txn(context.Background(), nil, store.Op{Key: key, Value: []byte(strings.Repeat(key, 50))})
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
				revs[w][key] = rev
				if rec, err := s.Get(context.Background(), key); err != nil || rec.Rev != rev {
					t.Errorf("read %s after it was written at %d: %d, %v", key, rev, rec.Rev, err)
					return
				}
			}
		})
	}
	done := 0
	for range 12 {
		if err := compacter(t, s).Compact(t.Context()); err == nil {
			done++
		}
	}
	stop()
	wg.Wait()
	if done == 0 {
		t.Error("none of 12 compactions came to its end")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compacter(t, s).Compact(t.Context()); err == nil {
		t.Error("a closed store is compacted")
	}
	s, err = store.OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	recs, _, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]store.Record{}
	for _, r := range recs {
		at[r.Key] = r
	}
	for i := range 4000 {
		if key := fmt.Sprintf("still/%04d", i); string(at[key].Value) != strings.Repeat(fmt.Sprint(i), 200) {
			t.Fatalf("%s has become %.40q", key, at[key].Value)
		}
	}
	for _, written := range revs {
		for key, rev := range written {
			if rec := at[key]; rec.Rev != rev || string(rec.Value) != strings.Repeat(key, 50) {
				t.Errorf("%s is at %d, was written at %d: %.40q", key, rec.Rev, rev, rec.Value)
			}
		}
	}
}

// TestKilledWhileCompacting is TestKilled of a process that compacts all the time.
func TestKilledWhileCompacting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	killed(t, "compact", path, 1)
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

func compactForEver(path string) error {
	s, err := store.OpenBolt(path)
	if err != nil {
		return err
	}
	go func() {
		for {
			if err := s.(store.Compacter).Compact(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}()
	return writeInto(s)
}

// An interrupted copy is not an obstacle, with any content.
func TestStaleCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path+".compact", []byte("half of a copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := os.Stat(path + ".compact"); err == nil {
		t.Error("it is still there")
	}
}
