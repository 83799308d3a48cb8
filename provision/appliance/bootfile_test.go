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
	lease := func(i byte, address string, expires time.Time) {
		t.Helper()
		b, err := json.Marshal(provision.Lease{MAC: mac(i).String(), Address: address, Expires: expires})
		if err != nil {
			t.Fatal(err)
		}
		put(mac(i).String(), string(b))
	}
	lease(2, "10.77.0.11", now.Add(time.Hour)) // web1 boots by its second card
	lease(3, "10.77.0.12", now)                // web2's address, which another box had before
	lease(4, "10.77.0.12", now.Add(time.Hour))
	lease(5, "10.99.0.5", now) // given by another server to a host whose address is elsewhere
	put("52:54:00:00:00:06", "no JSON")
	a := &Appliance{Deps: Deps{Log: slog.New(slog.DiscardHandler)}, store: st, holder: &inventory.Holder{}}
	a.holder.Put(&inventory.Snapshot{Hosts: map[string]*inventory.Host{
		"web1": {Name: "web1", MACs: []inventory.MAC{mac(1), mac(2)}, Address: netip.MustParseAddr("10.77.0.11")},
		"web2": {Name: "web2", MACs: []inventory.MAC{mac(4)}, Address: netip.MustParseAddr("10.77.0.12")},
		"web3": {Name: "web3", MACs: []inventory.MAC{mac(9)}, Address: netip.MustParseAddr("10.77.0.13")},
	}}, nil)
	for address, want := range map[string]inventory.MAC{
		"10.77.0.11": mac(2), "10.77.0.12": mac(4), "10.99.0.5": mac(5), "10.77.0.13": {}, "10.77.0.99": {},
	} {
		got, ok := a.leaseholder(t.Context(), netip.MustParseAddr(address))
		if got != want || ok != (want != inventory.MAC{}) {
			t.Errorf("%s: %s, %v; want %s", address, got, ok, want)
		}
	}
}
