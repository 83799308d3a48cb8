package operate

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
)

func TestStatuses(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	mac := func(i byte) inventory.MAC { return inventory.MAC{0x52, 0x54, 0, 0, 0, i} }
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{
		"web2": {Name: "web2", MACs: []inventory.MAC{mac(2)}, Address: netip.MustParseAddr("10.77.0.12")},
		"web1": {
			Name: "web1", MACs: []inventory.MAC{mac(1)}, Address: netip.MustParseAddr("10.77.0.11"),
			System: &inventory.System{Name: "debian12"}, Rack: &inventory.RackPlace{Name: "r1", Unit: 12},
			BMC: &inventory.BMC{MAC: mac(3), Address: netip.MustParseAddrPort("10.77.0.111:623")},
		},
	}}
	last := provision.Event{Seq: 7, Message: "seen"}
	got := Statuses(snap,
		map[string]provision.Install{"web1": {ID: "web1-1", Host: "web1", Token: "hash", Enrol: "hash", EnrolKey: "hash"}},
		map[string]provision.Install{"web1": {ID: "web1-rescue-1", Host: "web1", Job: provision.JobRescue, Token: "hash", Order: provision.Order{Keys: []string{"ssh-ed25519 AAAA"}}}},
		map[string]journal.Host{
			"web1":              {Host: "web1", Seen: now, Power: "on", Last: last, SwitchPort: "Gi1/0/12 on sw1", Agent: provision.AgentState{ClockAhead: 7}},
			"web2":              {Host: "web2"},
			"52:54:00:00:00:09": {Host: "52:54:00:00:00:09", Seen: now, Last: last, SwitchPort: "Gi1/0/13", Facts: map[string]string{"maker": "ACME", "address": "10.77.0.200"}},
			// Claimed meanwhile: no longer shown as a stranger.
			"52:54:00:00:00:02": {Host: "52:54:00:00:00:02", Last: last},
			// A BMC that took its address: no box that somebody has to claim.
			"52:54:00:00:00:03": {Host: "52:54:00:00:00:03", Seen: now, Last: last},
			// No longer in the inventory.
			"gone": {Host: "gone", Last: last},
		})
	want := []provision.HostStatus{
		{
			Host: "web1", MACs: []string{"52:54:00:00:00:01"}, Address: "10.77.0.11", System: "debian12", Rack: "r1 unit 12", BMC: "10.77.0.111",
			Power: "on", SwitchPort: "Gi1/0/12 on sw1", LastSeen: now, Install: &provision.Install{ID: "web1-1", Host: "web1"},
			Job: &provision.Install{ID: "web1-rescue-1", Host: "web1", Job: provision.JobRescue}, Last: &last,
			Agent: &provision.AgentState{ClockAhead: 7},
		},
		{Host: "web2", MACs: []string{"52:54:00:00:00:02"}, Address: "10.77.0.12", Power: "unknown", Last: &provision.Event{}},
		{Host: "52:54:00:00:00:09", Unclaimed: true, MACs: []string{"52:54:00:00:00:09"}, Address: "10.77.0.200", Maker: "ACME", SwitchPort: "Gi1/0/13", LastSeen: now, Last: &last},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPolledPower: the power state is that of the poll, unless a command came after it or the
// BMC has fallen silent.
func TestPolledPower(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name      string
		polled    provision.BMCState
		commanded time.Time
		want      string
	}{
		{"the button was pressed", provision.BMCState{Power: "off", Answered: now}, now.Add(-time.Hour), "off"},
		{"a command after the poll", provision.BMCState{Power: "off", Answered: now.Add(-time.Minute)}, now, "on"},
		{"silent", provision.BMCState{Power: "off", Answered: now.Add(-time.Minute), SilentSince: now}, now.Add(-time.Hour), "on"},
		{"no answer yet", provision.BMCState{SilentSince: now}, time.Time{}, "on"},
	} {
		hosts := []provision.HostStatus{{Host: "web1", Power: "on"}, {Host: "web2", Power: "on"}}
		addPolled(hosts, map[string]provision.BMCState{"web1": tt.polled}, map[string]journal.Host{"web1": {PowerAt: tt.commanded}})
		if hosts[0].Power != tt.want || hosts[0].BMCState == nil || hosts[1].BMCState != nil {
			t.Errorf("%s: %+v", tt.name, hosts)
		}
	}
}
