package appliance

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rackhand/inventory"
	"rackhand/provision/boot"
	"rackhand/provision/state"
)

// TestNewDatabaseArmsNoHost: with a new database, a host that is in the inventory
// boots its disk until the operator asks for an install; one that comes into the inventory
// later is armed as ever, once the inventory could be read whole.
func TestNewDatabaseArmsNoHost(t *testing.T) {
	a, mac := bare(t)
	ask := func(mac inventory.MAC, want boot.Action, why string) {
		t.Helper()
		d, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.PXE})
		if err != nil || d.Action != want || !strings.Contains(d.Why, why) {
			t.Fatalf("%s (%s), %v; want %s", d.Action, d.Why, err, want)
		}
	}
	if err := state.MarkReplaced(t.Context(), a.store, a.Clock()); err != nil {
		t.Fatal(err)
	}
	first := a.holder.Current().Hosts["web1"]
	with := func(n int) *inventory.Snapshot {
		hosts := map[string]*inventory.Host{}
		for i := range n {
			h := *first
			h.Name, h.MACs = fmt.Sprintf("web%d", i+1), []inventory.MAC{{0x52, 0x54, 0, 0, 0, byte(i + 1)}}
			hosts[h.Name] = &h
		}
		return &inventory.Snapshot{Hosts: hosts}
	}
	// The inventory is broken at first: the copy of the last good one is in force.
	if err := a.installedBefore(context.Background(), a.holder.Current(), false); err != nil {
		t.Fatal(err)
	}
	ask(mac, boot.Disk, "rackhand install web1")
	// Then its folder is empty: what lay there comes back later.
	if err := a.installedBefore(context.Background(), with(0), true); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{40, 41} {
		if err := a.installedBefore(context.Background(), with(n), true); err != nil {
			t.Fatal(err)
		}
		a.holder.Put(with(n), nil)
	}
	ask(inventory.MAC{0x52, 0x54, 0, 0, 0, 40}, boot.Disk, "may be installed already")
	ask(inventory.MAC{0x52, 0x54, 0, 0, 0, 41}, boot.InstallIt, "")
}
