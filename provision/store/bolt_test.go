package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/store"
	"rackhand/provision/store/storetest"
)

func openBolt(t *testing.T, dir string, opts ...store.BoltOption) store.Store {
	t.Helper()
	s, err := store.OpenBolt(filepath.Join(dir, "test.db"), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBolt(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return openBolt(t, t.TempDir()) })
}

func TestBoltReopen(t *testing.T) {
	storetest.RunReopen(t, func(t *testing.T, dir string) store.Store { return openBolt(t, dir) })
}

func TestOnlyOneHasItOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := store.OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenBolt(path, store.LockTimeout(10*time.Millisecond)); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("opening it twice: %v, want ErrLocked and the path", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing it again: %v", err)
	}
	s, err = store.OpenBolt(path)
	if err != nil {
		t.Fatalf("opening it after the other closed it: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFileMode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "test.db")
	for range 2 {
		s := openBolt(t, dir)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode() != 0o600 {
			t.Errorf("mode %v, want 0600", st.Mode())
		}
		if err := os.Chmod(path, 0o644); err != nil { // as a careless copy leaves it
			t.Fatal(err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database\n", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		garbage:                               "damaged",
		filepath.Join(dir, "missing", "a.db"): "no such file or directory",
		dir:                                   "is a directory",
	} {
		s, err := store.OpenBolt(path)
		if err == nil {
			t.Errorf("%s: opened", path)
			_ = s.Close()
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", path, err, want)
		}
	}
}

// TestSlowWatcher: a watcher that does not read is closed, and delays no writer.
func TestSlowWatcher(t *testing.T) {
	s := openBolt(t, t.TempDir(), store.History(64))
	defer func() { _ = s.Close() }()
	slow, err := s.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	const total = 400
	for i := range total {
		if _, err := s.Txn(t.Context(), nil, store.Op{Key: "k", Value: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	seen, last := 0, uint64(0)
	for c := range slow { // ends because the store closes it
		if seen++; c.Rev != last+1 {
			t.Errorf("revision %d after %d: a gap without being closed", c.Rev, last)
		}
		last = c.Rev
	}
	if seen >= total {
		t.Errorf("the slow watcher got all %d changes out of a history of 64", seen)
	}
	if _, err := s.Watch(t.Context(), "", last); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("watching on from %d: %v, want ErrCompacted", last, err)
	}
	if _, err := s.Watch(t.Context(), "", total-64); err != nil {
		t.Errorf("watching from what is just kept: %v", err)
	}
}
