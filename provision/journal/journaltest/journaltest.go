// Package journaltest runs a journal for the tests of other packages.
package journaltest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// Run runs a journal over a store in the folder dir until the test ends. elapsed is the
// time that the appliance has run, as for journal.Open; nil: real time.
func Run(t testing.TB, dir string, clock func() time.Time, elapsed func() time.Duration, log *slog.Logger) (store.Store, *journal.Journal) {
	t.Helper()
	st, err := store.OpenBolt(filepath.Join(dir, "rackhand.db"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), st, clock, elapsed, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		st.Close()
	})
	return st, j
}
