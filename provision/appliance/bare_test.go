package appliance

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// runJournal runs a journal over a new store until the test's end.
func runJournal(t *testing.T, clock func() time.Time, log *slog.Logger) (store.Store, *journal.Journal) {
	t.Helper()
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "rackhand.db"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), st, clock, nil, log)
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

// bare is an appliance with a journal and one host, web1, without a BMC, and
// nothing that listens. Its clock stands still.
func bare(t *testing.T) (*Appliance, inventory.MAC) {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	log := slog.New(slog.DiscardHandler)
	st, j := runJournal(t, clock, log)

	mac := inventory.MAC{0x52, 0x54, 0, 0, 0, 1}
	h := &inventory.Host{
		Name: "web1", MACs: []inventory.MAC{mac}, Address: netip.MustParseAddr("10.77.0.11"),
		System: &inventory.System{Name: "debian12"}, Install: inventory.FirstBoot, Network: &inventory.Network{},
	}
	a := &Appliance{Deps: Deps{Log: log, Clock: clock}, cfg: &config.Config{}, store: st, journal: j, holder: &inventory.Holder{}}
	a.cfg.Install.Attempts, a.cfg.Install.Expires = 1, time.Hour
	a.holder.Put(&inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": h}}, nil)
	return a, mac
}
