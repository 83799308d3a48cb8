//go:build e2e

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInitLooks: in a namespace with an office and a rack, init writes for the rack's
// link, and gives no address away that a neighbour there has.
func TestInitLooks(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("this test makes a network namespace: run it as root (make e2e)")
	}
	bin, err := filepath.Abs(os.Getenv("RACKHAND_BIN"))
	if err != nil || os.Getenv("RACKHAND_BIN") == "" {
		t.Fatal("RACKHAND_BIN names no program: build it (make build) and set it to bin/rackhand")
	}
	dir := filepath.Join(t.TempDir(), "new")
	script := `set -e
ip link set lo up
ip link add office type veth peer name p0
ip link add rack type veth peer name p1
ip address add 192.168.7.5/24 dev office
ip address add 10.77.0.1/24 dev rack
for i in office rack p0 p1; do ip link set $i up; done
ip route add default via 192.168.7.1 dev office
ip neighbour add 10.77.0.205 lladdr 52:54:00:00:00:99 dev rack
"$0" init "$1"
"$0" check "$1/inventory"`
	out, err := exec.Command("unshare", "--net", "sh", "-c", script, bin, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v (unshare and ip are needed)\n%s", err, out)
	}
	for _, want := range []string{"boxes boot on rack (10.77.0.1 in 10.77.0.0/24)", "the default route doesn't lead over it", "packages come through this machine", "no problem found"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it doesn't say %q:\n%s", want, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "inventory", "rack.yaml"))
	if err != nil || !strings.Contains(string(text), "leases: 10.77.0.214-10.77.0.254") {
		t.Errorf("the leases don't keep off the neighbour 10.77.0.205: %v\n%s", err, text)
	}
}
