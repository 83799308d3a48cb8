package preview

import (
	"net/netip"
	"strings"
	"testing"

	"rackhand/inventory"
)

// TestNotSetUp: `rackhand check` warns of a `bmc.setup` that does less than it says.
func TestNotSetUp(t *testing.T) {
	for name, c := range map[string]struct {
		address, installer string
		install            inventory.Policy
		setup              bool
		want               string // "" for no warning
	}{
		"all is set up":         {"10.77.0.111", inventory.InstallerImage, "", true, ""},
		"Anaconda":              {"10.77.0.111", inventory.InstallerAnaconda, "", true, "Anaconda, doesn't set up its BMC"},
		"Anaconda, no setup":    {"10.77.0.111", inventory.InstallerAnaconda, "", false, ""},
		"in no network":         {"192.0.2.1", inventory.InstallerImage, "", true, "192.0.2.1 is in no network of the inventory"},
		"it is never installed": {"192.0.2.1", inventory.InstallerImage, inventory.Never, true, ""},
	} {
		n := &inventory.Network{Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24")}
		h := &inventory.Host{
			Name: "web1", Network: n, System: &inventory.System{Installer: c.installer}, Install: c.install,
			BMC: &inventory.BMC{Address: netip.AddrPortFrom(netip.MustParseAddr(c.address), 623), Setup: c.setup},
		}
		got := notSetUp(&inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": h}, Networks: map[string]*inventory.Network{"rack1": n}}, h)
		if (len(got) > 0) != (c.want != "") || len(got) > 0 && (!got[0].warning || !strings.Contains(got[0].Message, c.want)) {
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		}
	}
}
