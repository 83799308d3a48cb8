package web_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/journal"
)

// TestScriptArmsNothing: a first install is armed by DHCP, which has seen firmware.
// Any program on a box that serves can ask for its script, and must not arm it.
func TestScriptArmsNothing(t *testing.T) {
	r := newTestServer(t)
	asked := 0
	decide := r.server.Decide
	r.server.Decide = func(ctx context.Context, q boot.Request) (boot.Decision, error) { asked++; return decide(ctx, q) }
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), 200)
	_ = r.menu("10.77.0.11", "grub/grub.cfg")
	if _, _, err := r.fetch("10.77.0.11", "ipxe/"+web1MAC); err != nil {
		t.Error(err)
	}
	if asked > 0 {
		t.Errorf("the decision, which arms, was asked %d times", asked)
	}
	r.arm("web1")
	if r.script(web1MAC, "10.77.0.11"); asked == 0 {
		t.Error("the decision was not asked for an install that is armed")
	}
}

// TestWipeIsForOneBox: a wipe is allowed for the box that had the host's name when
// it was given; another that is given the name in the inventory keeps its data.
func TestWipeIsForOneBox(t *testing.T) {
	for _, tc := range []struct {
		name string
		macs []string // of the arming
		wipe bool
	}{
		{"the same box", []string{web1MAC, "52:54:00:00:00:09"}, true},
		{"another box", []string{"52:54:00:00:00:09"}, false},
		{"armed before that was kept", nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestServer(t)
			if _, err := r.journal.Arm(journal.Request{
				Host: "web1", MACs: tc.macs, System: "debian12", Wipe: true, Budget: provision.Budget{Attempts: 3, Time: time.Minute},
				Expires: time.Hour, Source: "operator", Why: "asked for",
			}); err != nil {
				t.Fatal(err)
			}
			for _, script := range []string{
				r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "").Body.String(),
				r.menu("10.77.0.11", "grub/grub.cfg"),
			} {
				if !strings.Contains(script, "inst.ks=") || strings.Contains(script, "rackhand.wipe=1") != tc.wipe {
					t.Errorf("want wipe %v, and an install:\n%s", tc.wipe, script)
				}
			}
			if !tc.wipe {
				r.wantEvent("web1", "no-wipe")
			}
		})
	}
}

// TestAnotherBoxAtTheAddress: beside another DHCP server, a host's address may be
// given to a box that isn't it. What that box fetches is not the host's doing.
func TestAnotherBoxAtTheAddress(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	r.snap.Networks["rack1"].DHCP = inventory.DHCPProxy
	r.leases = map[string]string{web1MAC: "10.77.0.50", "52:54:00:00:00:77": "10.77.0.11"}
	if text, _, err := r.fetch("10.77.0.11", "image/debian12/vmlinuz"); err == nil {
		t.Errorf("a stranger at web1's address got %q", text)
	}
	if _, _, err := r.fetch("10.77.0.50", "image/debian12/vmlinuz"); err != nil {
		t.Errorf("web1 at the address that it was given: %v", err)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/image/debian12/initrd.img", ""), 200)
	if in, _ := r.journal.Install("web1"); in.Stage != provision.Requested {
		t.Errorf("a stranger's fetch took web1 to %s", in.Stage)
	}
	r.want(r.ask(r.boot, "10.77.0.50", "GET", "/image/debian12/initrd.img", ""), 200)
	if in, _ := r.journal.Install("web1"); in.Stage != provision.Kernel {
		t.Errorf("web1's own fetch took it to %s", in.Stage)
	}
	// Without any lease at hand, the inventory says whose address it is.
	r.leases = nil
	if h := r.server.HostOf(t.Context(), netip.MustParseAddr("10.77.0.11")); h != "web1" {
		t.Errorf("without a lease, %q is at web1's address", h)
	}
}

// TestScriptBesideAnotherServer: there an address is what a client was heard to ask
// for, which anybody can say in one datagram of a MAC that isn't his. So a host has its
// script at its address of the inventory alone.
func TestScriptBesideAnotherServer(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	r.snap.Networks["rack1"].DHCP = inventory.DHCPProxy
	r.leases = map[string]string{web1MAC: "10.77.0.66"} // as a thief at .66 has said
	w := r.ask(r.boot, "10.77.0.66", "GET", "/boot/ipxe?mac="+web1MAC, "")
	r.want(w, 403)
	menu := r.menu("10.77.0.66", "grub/grub.cfg")
	script, _, err := r.fetch("10.77.0.66", "ipxe/"+web1MAC)
	if err == nil || strings.Contains(w.Body.String()+menu+script, "inst.ks") {
		t.Errorf("a thief got %s\n%s\n%s, %v", w.Body, menu, script, err)
	}
	events, err := r.journal.Events(t.Context(), "web1", 0)
	if err != nil || !slices.ContainsFunc(events, func(e provision.Event) bool {
		return e.Kind == "script-refused" && e.Fields["address"] == "10.77.0.66" && e.Fields["mac"] == web1MAC
	}) {
		t.Errorf("no event script-refused with the address: %v, %v", events, err)
	}
	if n := r.attempts("web1"); n != 0 {
		t.Errorf("%d attempts were begun by a thief", n)
	}
	r.leases = map[string]string{web1MAC: "10.77.0.11"}
	if _ = r.script(web1MAC, "10.77.0.11"); !strings.Contains(r.menu("10.77.0.11", "grub/grub.cfg"), "inst.ks") {
		t.Error("web1 has no menu at its own address")
	}
}

// TestMenuByAddressAlone: GRUB names no MAC, so its address must be one that was heard
// of in this boot: else an armed host's menu might go to a box that has its address now.
func TestMenuByAddressAlone(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	var lease provision.Lease
	r.server.Lease = func(context.Context, inventory.MAC) (provision.Lease, bool) { return lease, true }
	if text := r.menu("10.77.0.11", "grub/grub.cfg"); strings.Contains(text, "inst.ks") || r.attempts("web1") != 0 {
		t.Errorf("an old lease was enough:\n%s", text)
	}
	lease.Booted = r.journal.Counted()
	if text := r.menu("10.77.0.11", "grub/grub.cfg"); !strings.Contains(text, "inst.ks") {
		t.Errorf("no menu:\n%s", text)
	}
}
