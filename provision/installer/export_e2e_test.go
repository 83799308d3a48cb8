//go:build e2e

package installer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
	"rackhand/templates/kickstart"
)

// PackageCache is packageCache for the tests with guests.
var PackageCache = packageCache

// Configured is the root of a packed image after all that a Kickstart says of the system
// in it: packages, network, commands and the %post scripts that run in it. It is done
// here, without a guest, by the image's own programs. The file without is removed from
// the root first; "" for none. tool is the network tool that was written for.
func Configured(t *testing.T, file, without, text string) (root, tool string) {
	t.Helper()
	m := unpacked(t, file)
	if without != "" {
		if err := os.Remove(filepath.Join(m.target, without)); err != nil {
			t.Fatal(err)
		}
	}
	m.Con.SetSink(func(l string) {
		t.Log(l)
		if _, name, ok := strings.Cut(l, "network, by "); ok {
			tool = strings.TrimSpace(name)
		}
	})
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := plan.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	facts := oneDisk()
	facts.DNS = nil
	devices, err := netconf.Resolve(r.Networks, facts.NICs, facts.BootNIC)
	if err != nil {
		t.Fatal(err)
	}
	steps := append(plan.SystemFiles(r, devices, nil, facts), r.SoftwareSteps(devices)...)
	steps = append(steps, r.Config...)
	for _, s := range r.Post {
		if !s.NoChroot {
			steps = append(steps, plan.ScriptStep{Script: s})
		}
	}
	for _, s := range steps {
		if err := m.do(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := m.Rep.Last(t.Context(), report.Event{}, time.Minute); err != nil {
		t.Error(err)
	}
	return m.target, tool
}

// KernelOf is where the one kernel of a root and its initrd lie.
func KernelOf(root string) (kernel, initrd string, err error) {
	for name, to := range map[string]*string{"vmlinuz-*": &kernel, "initrd.img-*": &initrd} {
		found, err := filepath.Glob(filepath.Join(root, "boot", name))
		if err != nil || len(found) != 1 {
			return "", "", fmt.Errorf("%d files boot/%s (%v)", len(found), name, err)
		}
		*to = found[0]
	}
	return kernel, initrd, nil
}
