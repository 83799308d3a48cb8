//go:build e2e

package dhcp

import (
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/links"
)

// TestLinkReplaced: the server survives an interface that is switched off and on. It also
// serves one again that was deleted and came back under its name, with the same leases.
func TestLinkReplaced(t *testing.T) {
	t.Parallel()
	busybox := need(t, "busybox", "busybox")
	server, ns := pair(t, stranger)
	d := serve(t, server, setup{Interface: "srv", Advertise: true})
	d.until(30*time.Second, "router advertisements: answering")
	hook, _ := script(t)
	join := func() provision.Lease {
		run(t, ns, busybox, "udhcpc", "-i", "cli", "-f", "-q", "-t", "60", "-T", "1", "-n", "-s", hook).await(t, 90*time.Second)
		return d.lease(30*time.Second, stranger.String(), func(provision.Lease) bool { return true })
	}
	first := join()
	// One that is only switched off for a while stays open.
	sh(t, "ip", "-n", server, "link", "set", "srv", "down")
	time.Sleep(2 * links.CheckEvery) // long enough for a check meanwhile
	sh(t, "ip", "-n", server, "link", "set", "srv", "up")
	if again := join(); again.Address != first.Address {
		t.Errorf("after the link was off it got %+v, before %+v", again, first)
	}
	for _, mac := range []string{"02:00:00:00:00:01", "02:00:00:00:00:02"} {
		sh(t, "ip", "-n", server, "link", "del", "srv")
		cable(t, server, ns, stranger)
		sh(t, "ip", "-n", server, "link", "set", "srv", "address", mac)
		d.until(30*time.Second, "waiting for it")
		d.until(30*time.Second, "dhcp: serving")
		d.until(30*time.Second, "router advertisements: answering")
		if again := join(); again.Address != first.Address || again.Expires.Before(first.Expires) {
			t.Errorf("on the new link it got %+v, before %+v", again, first)
		}
	}
}
