package appliance

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/journal/journaltest"
)

// bare is an appliance with a journal and one host, web1, without a BMC, and
// nothing that listens. Its clock stands still.
func bare(t *testing.T) (*Appliance, inventory.MAC) {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	log := slog.New(slog.DiscardHandler)
	st, j := journaltest.Run(t, t.TempDir(), clock, nil, log)

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
