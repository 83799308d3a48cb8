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

// The test binary asks the kernel of the namespace that it is run again in.
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

// TestAsk: a peer is known by the card that it has now, whatever the kernel heard before;
// one that answers no ARP, one that isn't there, and one behind a router are told apart.
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

	ask := func(addr string) neighbour.Found {
		t.Helper()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("ip", "netns", "exec", us, self)
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
	// What it heard is old news, and still true.
	sh("-n", us, "neigh", "replace", "10.77.0.11", "dev", "eth0", "lladdr", first, "nud", "stale")
	want("10.77.0.11", on(first))
	want("10.78.0.7", neighbour.Found{Link: "eth0", Away: true})
	want("10.77.0.1", neighbour.Found{Here: true})
	want("127.0.0.1", neighbour.Found{Here: true})

	// The address is another card's now, and says so by an ARP request of its own.
	sh("-n", box, "link", "set", "nic", "address", second)
	sh("-n", us, "neigh", "replace", "10.77.0.11", "dev", "eth0", "lladdr", second, "nud", "stale")
	want("10.77.0.11", on(second))

	// Somebody has forged an ARP reply in its name: the kernel finds back within seconds.
	sh("-n", us, "neigh", "replace", "10.77.0.11", "dev", "eth0", "lladdr", "02:00:00:00:00:99", "nud", "stale")
	want("10.77.0.11", neighbour.Found{Link: "eth0", MAC: mac("02:00:00:00:00:99")})
	for range 10 {
		if ask("10.77.0.11") == on(second) {
			break
		}
	}
	want("10.77.0.11", on(second))

	// It answers no ARP: the kernel's old news is told as such.
	in(box, "sh", "-c", "echo 8 > /proc/sys/net/ipv4/conf/nic/arp_ignore")
	sh("-n", us, "neigh", "replace", "10.77.0.11", "dev", "eth0", "lladdr", first, "nud", "stale")
	want("10.77.0.11", neighbour.Found{Link: "eth0", MAC: mac(first)})
	want("10.77.0.99", neighbour.Found{Link: "eth0"})
}
