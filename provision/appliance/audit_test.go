package appliance

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/dhcp"
	"rackhand/provision/power"
	"rackhand/provision/store"
)

// TestStrangers: an audit looks for BMCs at addresses that unknown boxes have leased, and at
// no others.
func TestStrangers(t *testing.T) {
	a, mac := bare(t)
	snap := *a.holder.Current()
	known := inventory.MAC{0x52, 0x54, 0, 0, 1, 1}
	snap.Hosts = map[string]*inventory.Host{"web1": snap.Hosts["web1"], "web2": {
		Name: "web2", BMC: &inventory.BMC{Address: netip.MustParseAddrPort("10.77.0.112:623"), MAC: known},
	}}
	a.holder.Put(&snap, nil)
	later := a.journal.Counted().Add(time.Hour)
	for _, l := range []provision.Lease{
		{MAC: "3c:ec:ef:00:00:01", Address: "10.77.0.201", Expires: later},
		{MAC: "3c:ec:ef:00:00:02", Address: "10.77.0.202", Expires: later.Add(-2 * time.Hour)},
		{MAC: "3c:ec:ef:00:00:03", Address: "10.77.0.112", Expires: later}, // a BMC of the inventory
		{MAC: "3c:ec:ef:00:00:04", Address: "nonsense", Expires: later},
		{MAC: mac.String(), Address: "10.77.0.11", Expires: later},
		{MAC: "3c:ec:ef:00:00:05", Address: "10.77.0.12", Expires: later, Host: "gone"},
		{MAC: known.String(), Address: "10.77.0.203", Expires: later}, // not where the inventory says
	} {
		value, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.store.Txn(t.Context(), nil, store.Op{Key: dhcp.LeasePrefix + l.MAC, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.strangers(t.Context())
	want := "[{10.77.0.201 leased to 3c:ec:ef:00:00:01} {10.77.0.12 leased to 3c:ec:ef:00:00:05} {10.77.0.203 leased to the BMC of web2}]"
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
}

// TestAuditor: the appliance's auditor knows the hosts and where their BMCs are, and its page
// shows the latest audit.
func TestAuditor(t *testing.T) {
	a, _ := bare(t)
	a.Random, a.power = rand.Reader, power.New(power.Options{})
	a.audits = a.newAuditor()
	if _, ok, err := (source{a}).LastAudit(t.Context()); ok || err != nil {
		t.Errorf("before the first: %v, %v", ok, err)
	}
	got, err := a.audits.Audit(t.Context(), provision.AuditRequest{})
	if err != nil || len(got.Findings) != 1 || got.Findings[0].Kind != "no-bmc" || got.Findings[0].BMCs[0].Host != "web1" {
		t.Errorf("%+v, %v", got, err)
	}
	kept, ok, err := (source{a}).LastAudit(t.Context())
	if err != nil || !ok || len(kept.Findings) != 1 {
		t.Errorf("%+v, %v, %v", kept, ok, err)
	}
}
