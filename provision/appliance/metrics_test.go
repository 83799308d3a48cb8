package appliance

import (
	"net/netip"
	"slices"
	"testing"

	"rackhand/inventory"
	"rackhand/provision/metrics"
)

// TestPools: the addresses of each network's range, and how many of them are leased. Those
// of hosts lie outside it.
func TestPools(t *testing.T) {
	addr := netip.MustParseAddr
	snap := &inventory.Snapshot{Networks: map[string]*inventory.Network{
		"rack1": {Leases: inventory.Range{First: addr("10.77.0.200"), Last: addr("10.77.0.240")}},
		"proxy": {},
	}}
	got := poolsOf(snap, []netip.Addr{addr("10.77.0.11"), addr("10.77.0.200"), addr("10.77.0.240"), addr("10.77.0.241")})
	if want := []metrics.NetworkFigures{{Name: "rack1", Size: 41, Used: 2}}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
