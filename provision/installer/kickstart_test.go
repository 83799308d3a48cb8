package installer

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func oneDisk() plan.Facts {
	return plan.Facts{
		Memory:  4 << 10,
		Disks:   []plan.Disk{{Name: "vda", Size: 20 << 30, Sector: 512, Serial: "S1"}},
		NICs:    []netconf.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}, {Name: "eth1", MAC: "52:54:00:00:00:02"}},
		BootNIC: "eth0", DNS: []string{"10.77.0.9"},
	}
}

// counting makes GUIDs that tell themselves apart.
func counting() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n) }
}

// skipping is how a brought Kickstart is read.
func skipping() plan.ReadOptions {
	return plan.ReadOptions{
		Unsupported: engine.Skip,
		Image:       plan.ImageStep{URL: "http://10.77.0.1/image/root.tar.zst", SHA256: strings.Repeat("0", 64)},
	}
}

func recipeAs(t *testing.T, o plan.ReadOptions, text string) *plan.Recipe {
	t.Helper()
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := plan.ReadAs(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// recipeOf reads lines that configure a system, with what else a Kickstart must have
// after them.
func recipeOf(t *testing.T, lines string) *plan.Recipe {
	t.Helper()
	return recipeAs(t, plan.ReadOptions{}, lines+"liveimg --url=http://a/root.tar --checksum="+strings.Repeat("0", 64)+"\nclearpart --all\nautopart\n")
}
