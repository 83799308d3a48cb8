package appliance

import (
	"encoding/json"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/dhcp"
	"rackhand/provision/store"
)

// TestLeaseholder: whose an address is, for a client of TFTP that names no MAC.
func TestLeaseholder(t *testing.T) {
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	mac := func(i byte) inventory.MAC { return inventory.MAC{0x52, 0x54, 0, 0, 0, i} }
	put := func(key, value string) {
		t.Helper()
		if _, err := st.Txn(t.Context(), nil, store.Op{Key: dhcp.LeasePrefix + key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	heard := func(i byte, address, server string, expires time.Time) {
		t.Helper()
		b, err := json.Marshal(provision.Lease{MAC: mac(i).String(), Address: address, Server: server, Expires: expires})
		if err != nil {
			t.Fatal(err)
		}
		put(mac(i).String(), string(b))
	}
	lease := func(i byte, address string, expires time.Time) { t.Helper(); heard(i, address, "", expires) }
	lease(2, "10.77.0.11", now.Add(time.Hour)) // web1 boots by its second card
	lease(3, "10.77.0.12", now)                // web2's address, which another box had before
	lease(4, "10.77.0.12", now.Add(time.Hour))
	lease(5, "10.99.0.5", now) // given by another server to a host whose address is elsewhere
	put("52:54:00:00:00:06", "no JSON")
	// rack2 is a proxy's now; it was authoritative, with long leases, when web4 had its.
	lease(7, "10.78.0.11", now.Add(24*time.Hour))
	heard(8, "10.78.0.11", "10.78.0.66", now.Add(time.Hour))
	// rack1 was a proxy's: what was heard then counts no more, once we gave the address.
	heard(10, "10.77.0.200", "10.77.0.66", now.Add(24*time.Hour))
	lease(11, "10.77.0.200", now.Add(time.Hour))
	heard(12, "10.77.0.201", "10.77.0.66", now.Add(24*time.Hour)) // nobody else has it yet
	// web5's cards were both heard to have its address; the second one booted last.
	for i, booted := range []time.Time{now, now.Add(time.Minute), {}} {
		b, err := json.Marshal(provision.Lease{MAC: mac(byte(13 + i)).String(), Address: "10.78.0.12", Server: "10.78.0.66", Expires: now.Add(time.Hour), Booted: booted})
		if err != nil {
			t.Fatal(err)
		}
		put(mac(byte(13+i)).String(), string(b))
	}
	a := &Appliance{Deps: Deps{Log: slog.New(slog.DiscardHandler)}, store: st, holder: &inventory.Holder{}}
	a.holder.Put(&inventory.Snapshot{Hosts: map[string]*inventory.Host{
		"web1": {Name: "web1", MACs: []inventory.MAC{mac(1), mac(2)}, Address: netip.MustParseAddr("10.77.0.11")},
		"web2": {Name: "web2", MACs: []inventory.MAC{mac(4)}, Address: netip.MustParseAddr("10.77.0.12")},
		"web3": {Name: "web3", MACs: []inventory.MAC{mac(9)}, Address: netip.MustParseAddr("10.77.0.13")},
		"web4": {Name: "web4", MACs: []inventory.MAC{mac(7)}, Address: netip.MustParseAddr("10.78.0.11")},
		"web5": {Name: "web5", MACs: []inventory.MAC{mac(13), mac(14), mac(15)}, Address: netip.MustParseAddr("10.78.0.12")},
	}, Networks: map[string]*inventory.Network{
		"rack1": {Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24")},
		"rack2": {Name: "rack2", Subnet: netip.MustParsePrefix("10.78.0.0/24"), DHCP: inventory.DHCPProxy},
	}}, nil)
	for address, want := range map[string]inventory.MAC{
		"10.77.0.11": mac(2), "10.77.0.12": mac(4), "10.99.0.5": mac(5), "10.77.0.13": {}, "10.77.0.99": {},
		"10.78.0.11": mac(8), "10.78.0.12": mac(14), "10.77.0.200": mac(11), "10.77.0.201": mac(12),
	} {
		got, ok := a.leaseholder(t.Context(), netip.MustParseAddr(address))
		if got != want || ok != (want != inventory.MAC{}) {
			t.Errorf("%s: %s, %v; want %s", address, got, ok, want)
		}
	}
}
