package templates

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"rackhand/inventory"
)

// If a system skips unsupported parts, its installer gets an argument for that, and the
// image to install, because its Kickstart may name none. A job and Anaconda get neither.
func TestKernelArgsOfUnsupported(t *testing.T) {
	want := []string{"rackhand.unsupported=skip", "rackhand.image=http://10.77.0.1/root", "rackhand.sha256=abc"}
	for _, c := range []struct {
		system inventory.System
		job    string
		told   bool
	}{
		{inventory.System{Installer: inventory.InstallerImage, Unsupported: inventory.UnsupportedSkip}, "", true},
		{inventory.System{Installer: inventory.InstallerImage, Unsupported: inventory.UnsupportedSkip}, "rescue", false},
		{inventory.System{Installer: inventory.InstallerImage, Unsupported: inventory.UnsupportedRefuse}, "", false},
		{inventory.System{Installer: inventory.InstallerImage}, "", false},
	} {
		d := Data{
			Host:    &inventory.Host{Name: "web1", Address: netip.MustParseAddr("10.77.0.11"), System: &c.system},
			Install: Install{Kickstart: "http://10.77.0.1/ks", Report: "http://10.77.0.1/event", Job: c.job, Order: "http://10.77.0.1/job", BootIF: "01-52-54-00-00-00-01"},
			Image:   Image{URL: "http://10.77.0.1/root", SHA256: "abc"},
		}
		args, err := d.KernelArgs()
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if slices.Contains(args, w) != c.told {
				t.Errorf("%+v, job %q: %s", c.system, c.job, strings.Join(args, " "))
			}
		}
	}
}
