package conduct

import (
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/journal"
	"rackhand/provision/journal/journaltest"
)

// armed is a conductor with a journal and one host, web1, without a BMC, whose first
// install is armed. Its clock stands still.
func armed(t *testing.T) *Conductor {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	log := slog.New(slog.DiscardHandler)
	_, j := journaltest.Run(t, t.TempDir(), func() time.Time { return now }, nil, log)

	h := &inventory.Host{
		Name: "web1", MACs: []inventory.MAC{{0x52, 0x54, 0, 0, 0, 1}}, Address: netip.MustParseAddr("10.77.0.11"),
		System: &inventory.System{Name: "debian12"}, Install: inventory.FirstBoot, Network: &inventory.Network{},
	}
	_, err := j.Arm(journal.Request{
		Host: h.Name, MACs: []string{h.MACs[0].String()}, System: h.System.Name, FirstOnly: true,
		Budget: provision.Budget{Attempts: 1}, Expires: time.Hour, Source: "dhcp", Why: "a test",
	})
	if err != nil {
		t.Fatal(err)
	}
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{h.Name: h}}
	return New(Options{
		Journal: j, Snapshot: func() *inventory.Snapshot { return snap }, Log: log,
		Target: func(*inventory.Host) (bmc.Target, error) {
			return bmc.Target{}, errors.New("no BMC is to be asked")
		},
	})
}
