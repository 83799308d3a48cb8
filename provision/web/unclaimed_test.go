package web_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

const newMAC = "52:54:00:00:00:99"

// withUnclaimed lets the unclaimed boxes of the network wait for ten minutes, and gives one a
// lease of the pool, which its boot program has just asked for.
func withUnclaimed(t *testing.T) (*testServer, *provision.Lease) {
	t.Helper()
	r := newTestServer(t)
	r.snap.Networks["rack1"].UnclaimedWait = 10 * time.Minute
	r.leases[newMAC] = "10.77.0.200"
	lease := &provision.Lease{MAC: newMAC, Address: "10.77.0.200", Booted: r.journal.Counted()}
	r.options.Lease = func(_ context.Context, mac inventory.MAC) (provision.Lease, bool) {
		if mac.String() != newMAC {
			return provision.Lease{}, false
		}
		return *lease, true
	}
	r.serve()
	return r, lease
}

// wantScript fetches the box's script over HTTP and by TFTP. All texts must be in both.
func (r *testServer) wantScript(from string, texts ...string) {
	r.t.Helper()
	w := r.ask(r.boot, from, "GET", "/boot/ipxe?mac="+newMAC, "")
	r.want(w, 200)
	byTFTP, _, err := r.fetch(from, "ipxe/"+newMAC)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) || !strings.Contains(byTFTP, text) {
			r.t.Errorf("%q is not in\n%s\nand\n%s", text, w.Body, byTFTP)
		}
	}
}

// TestUnclaimedScript: a box outside the inventory gets the script that waits, with one event. After
// its time, or once it has a system, it gets the disk's.
func TestUnclaimedScript(t *testing.T) {
	r, lease := withUnclaimed(t)
	for range 3 {
		r.wantScript("10.77.0.200", "rackhand claim "+newMAC, "goto again", "prompt --timeout 10001 ", "It boots its own disk in 10 min,")
	}
	if w := r.ask(r.boot, "10.77.0.200", "GET", "/boot/ipxe?mac="+newMAC, ""); !strings.Contains(w.Body.String(), "chain --timeout 5000 --autofree --replace http://10.77.0.1/boot/ipxe?mac="+newMAC+" ||") {
		t.Error(w.Body)
	}
	if text, _, _ := r.fetch("10.77.0.200", "ipxe/"+newMAC); !strings.Contains(text, "--replace tftp://10.77.0.1/ipxe/"+newMAC+" ||") {
		t.Error(text)
	}
	if n := r.count(newMAC, "waits"); n != 1 {
		t.Errorf("%d events waits", n)
	}
	r.elapsed.Store(int64(10*time.Minute - 3*time.Second))
	r.wantScript("10.77.0.200", "It boots its own disk in 3 s", "iseq ${asked} 61 &&")
	if n := r.count(newMAC, "wait-ended"); n != 0 {
		t.Errorf("%d events wait-ended", n)
	}
	r.elapsed.Store(int64(10 * time.Minute))
	for range 2 {
		r.wantScript("10.77.0.200", "sanboot --no-describe")
	}
	if n := r.count(newMAC, "wait-ended"); n != 1 {
		t.Errorf("%d events wait-ended", n)
	}
	// The next boot.
	lease.Booted = r.journal.Counted()
	r.later = 2 * time.Minute
	r.wantScript("10.77.0.200", "goto again")
	if n := r.count(newMAC, "waits"); n != 2 {
		t.Errorf("%d events waits after the second boot", n)
	}
	lease.Ran = true
	if w := r.ask(r.boot, "10.77.0.200", "GET", "/boot/ipxe?mac="+newMAC, ""); strings.Contains(w.Body.String(), "goto again") {
		t.Error("a box that has a system is held up")
	}
	r.want(r.ask(r.boot, "10.77.0.201", "GET", "/boot/ipxe?mac="+newMAC, ""), 403)
}

// TestClaimedScript: once it is claimed, a box that waits gets the script that asks DHCP again.
// That goes on for the time of the wait at most, and ends with a lease of the host.
func TestClaimedScript(t *testing.T) {
	r, lease := withUnclaimed(t)
	r.wantScript("10.77.0.200", "goto again")
	mac, err := inventory.ParseMAC(newMAC)
	if err != nil {
		t.Fatal(err)
	}
	web3 := *r.snap.Hosts["web1"]
	web3.Name, web3.MACs, web3.Address = "web3", []inventory.MAC{mac}, netip.MustParseAddr("10.77.0.13")
	r.snap.Hosts["web3"] = &web3
	r.serve() // restarted meanwhile
	for range 2 {
		r.wantScript("10.77.0.200", "this box is web3 now", "autoboot", "iseq ${net${n}/mac} "+newMAC+" ")
	}
	if n := r.count("web3", "claimed"); n != 1 {
		t.Errorf("%d events claimed", n)
	}
	r.elapsed.Store(int64(10 * time.Minute))
	if w := r.ask(r.boot, "10.77.0.200", "GET", "/boot/ipxe?mac="+newMAC, ""); strings.Contains(w.Body.String(), "autoboot") {
		t.Error("a box that gets no address of its own is held up")
	}
	r.elapsed.Store(0)
	lease.Address, lease.Host = "10.77.0.13", "web3"
	r.leases[newMAC] = lease.Address
	r.arm("web3")
	if token := r.script(newMAC, "10.77.0.13"); token == "" {
		t.Error("no script of its install")
	}
}

// TestUnclaimedFlood: forged boxes that wait have the share of strangers, all together.
func TestUnclaimedFlood(t *testing.T) {
	r, lease := withUnclaimed(t)
	r.options.Lease = func(context.Context, inventory.MAC) (provision.Lease, bool) { return *lease, true }
	r.serve()
	for i := range provision.FloodUnclaimed + 100 {
		mac := fmt.Sprintf("52:54:00:01:%02x:%02x", i>>8, i&255)
		r.leases[mac] = "10.77.0.200"
		r.want(r.ask(r.boot, "10.77.0.200", "GET", "/boot/ipxe?mac="+mac, ""), 200)
	}
	// The share grows by one each second meanwhile.
	if n := r.count("", "waits"); n < provision.FloodUnclaimed || n > provision.FloodUnclaimed+60 {
		t.Errorf("%d events of forged boxes that wait, want %d", n, provision.FloodUnclaimed)
	}
}
