package templates_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/templates"
)

// anaconda is a host that boots its installer from an ISO.
func anaconda(release string, change func(*inventory.Host)) templates.Data {
	h := host()
	h.System = &inventory.System{Name: "sys", Installer: inventory.InstallerAnaconda, Release: release, Media: "dvd"}
	if change != nil {
		change(h)
	}
	d := data(h)
	at := d.Appliance.URL + "/media/dvd"
	d.Image = templates.Image{
		Kernel: at + "/images/pxeboot/vmlinuz", Initrd: at + "/images/pxeboot/initrd.img",
		Media: templates.Media{Stage2: at, Repo: at},
	}
	return d
}

func TestAnacondaScripts(t *testing.T) {
	odd := anaconda("RHEL9", func(h *inventory.Host) {
		h.Boot = inventory.Boot{Console: "ttyS1,57600n8", VLAN: 42, Args: []string{"rd.debug", "inst.sshd"}}
		h.Variables = map[string]any{"install_url": "http://10.77.0.9/os"}
	})
	for name, d := range map[string]templates.Data{
		"RHEL7": anaconda("RHEL7", nil), "RHEL8": anaconda("RHEL8", nil), "RHEL9": anaconda("RHEL9", nil),
		"RHEL10": anaconda("RHEL10", nil), "F44": anaconda("F44", nil), "odd": odd,
	} {
		var got strings.Builder
		for _, script := range []string{"install.ipxe", "install.grub"} {
			text, err := templates.New("").Render(script, d, templates.Funcs(d.Host, secret))
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString("=== " + script + "\n" + text)
		}
		path := filepath.Join("testdata", "anaconda-script-"+name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
