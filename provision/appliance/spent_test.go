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
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// TestDecideWritesOnce: a box that boots its disk may ask as often as it likes, and
// whoever uses its MAC too: nothing is written for that, unless its install ends so.
func TestDecideWritesOnce(t *testing.T) {
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	log := slog.New(slog.DiscardHandler)
	j, err := journal.Open(t.Context(), st, clock, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; st.Close() })

	mac := inventory.MAC{0x52, 0x54, 0, 0, 0, 1}
	h := &inventory.Host{
		Name: "web1", MACs: []inventory.MAC{mac}, Address: netip.MustParseAddr("10.77.0.11"),
		System: &inventory.System{Name: "debian12"}, Install: inventory.FirstBoot, Network: &inventory.Network{},
	}
	a := &Appliance{Deps: Deps{Log: log, Clock: clock}, cfg: &config.Config{}, store: st, journal: j, holder: &inventory.Holder{}}
	a.cfg.Install.Attempts, a.cfg.Install.Expires = 1, time.Hour
	a.holder.Put(&inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": h}}, nil)
	written := func() uint64 {
		t.Helper()
		_, rev, err := st.List(t.Context(), "nothing/")
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
	ask := func(want boot.Action) {
		t.Helper()
		d, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.PXE})
		if err != nil || d.Action != want {
			t.Fatalf("%s, %v; want %s", d.Action, err, want)
		}
	}
	ask(boot.InstallIt) // and arms it
	if err := j.Record(provision.Event{Host: "web1", Source: "installer", Kind: "report", Stage: provision.Installed}); err != nil {
		t.Fatal(err)
	}
	before := written()
	for range 10 {
		ask(boot.Disk) // the installed system's first boots
	}
	if n := written() - before; n != 0 {
		t.Errorf("%d writes for ten boots from disk", n)
	}
}
