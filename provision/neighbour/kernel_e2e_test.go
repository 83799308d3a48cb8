//go:build e2e

package neighbour_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"rackhand/inventory"
	"rackhand/provision/janitor/space"
	"rackhand/provision/neighbour"
)

// With envAsk set, the test binary asks the kernel of the namespace that it runs in.
const envAsk = "RACKHAND_NEIGHBOUR_E2E_ASK"

func TestMain(m *testing.M) {
	addr := os.Getenv(envAsk)
	if addr == "" {
		os.Exit(m.Run())
	}
	f, err := neighbour.Ask(context.Background(), netip.MustParseAddr(addr))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// askIn asks the kernel of a namespace.
func askIn(t *testing.T, ns, addr string) neighbour.Found {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, self)
	cmd.Env, cmd.Stderr = append(os.Environ(), envAsk+"="+addr), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", addr, err)
	}
	var f neighbour.Found
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAsk checks that a peer is identified by its present card, whatever the kernel heard
// before. It distinguishes a peer that answers no ARP, an address without a machine, and a
// peer behind a router.
func TestAsk(t *testing.T) {
	t.Parallel()
	const first, second = "02:00:00:00:00:01", "02:00:00:00:00:02"
	us, box := space.New(t, "neigh-us"), space.New(t, "neigh-box")
	sh := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	in := func(ns string, args ...string) { t.Helper(); sh(append([]string{"netns", "exec", ns}, args...)...) }
	sh("-n", us, "link", "add", "eth0", "type", "veth", "peer", "name", "nic", "netns", box)
	sh("-n", box, "link", "set", "nic", "address", first)
	sh("-n", us, "addr", "add", "10.77.0.1/24", "dev", "eth0")
	sh("-n", box, "addr", "add", "10.77.0.11/24", "dev", "nic")
	sh("-n", us, "link", "set", "eth0", "up")
	sh("-n", box, "link", "set", "nic", "up")
	sh("-n", us, "route", "add", "10.78.0.0/24", "via", "10.77.0.11")

	ask := func(addr string) neighbour.Found { t.Helper(); return askIn(t, us, addr) }
	mac := func(s string) inventory.MAC {
		m, err := inventory.ParseMAC(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	on := func(m string) neighbour.Found { return neighbour.Found{Link: "eth0", MAC: mac(m), Confirmed: true} }
	want := func(addr string, w neighbour.Found) {
		t.Helper()
		if got := ask(addr); got != w {
			t.Errorf("%s: %+v, want %+v", addr, got, w)
		}
	}
	want("10.77.0.11", on(first))
	want("10.77.0.11", on(first))
	// The entry is stale but still true.
	sh("-n", us, "neigh", "replace", "10.77.0.11", "dev", "eth0", "lladdr", first, "nud", "stale")
	want("10.77.0.11", on(first))
	want("10.78.0.7", neighbour.Found{Link: "eth0", Routed: true})
	want("10.77.0.1", neighbour.Found{Local: true})
	want("127.0.0.1", neighbour.Found{Local: true})

	// Another card has the address now, and announces that by an ARP request.
	sh("-n", box, "link", "set", "nic", "address", second)
	sh("-n", us, "neigh", "replace", "10.77.0.11", "dev", "eth0", "lladdr", second, "nud", "stale")
	want("10.77.0.11", on(second))

	// A forged ARP reply came in its name. The kernel corrects its entry within seconds.
	sh("-n", us, "neigh", "replace", "10.77.0.11", "dev", "eth0", "lladdr", "02:00:00:00:00:99", "nud", "stale")
	want("10.77.0.11", neighbour.Found{Link: "eth0", MAC: mac("02:00:00:00:00:99")})
	for range 10 {
		if ask("10.77.0.11") == on(second) {
			break
		}
	}
	want("10.77.0.11", on(second))

	// It answers no ARP: the stale entry isn't reported as confirmed.
	in(box, "sh", "-c", "echo 8 > /proc/sys/net/ipv4/conf/nic/arp_ignore")
	sh("-n", us, "neigh", "replace", "10.77.0.11", "dev", "eth0", "lladdr", first, "nud", "stale")
	want("10.77.0.11", neighbour.Found{Link: "eth0", MAC: mac(first)})
	want("10.77.0.99", neighbour.Found{Link: "eth0"})
}
