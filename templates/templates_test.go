package templates_test

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/templates"
)

var update = flag.Bool("update", false, "write the golden files")

func host() *inventory.Host {
	return &inventory.Host{
		Name: "web1", MACs: []inventory.MAC{{0x52, 0x54, 0, 0, 0, 1}}, Address: netip.MustParseAddr("10.77.0.11"),
		Network: &inventory.Network{
			Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24"), Gateway: netip.MustParseAddr("10.77.0.1"),
			DNS: []netip.Addr{netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.0.2")},
		},
		Kickstart: "base.ks",
		Variables: map[string]any{"swap_mb": "512", "ssh_keys": []any{"ssh-ed25519 AAAA it's me"}, "root_password": "root"},
	}
}

func data(h *inventory.Host) templates.Data {
	const base = "http://10.77.0.1/i/TOKEN"
	return templates.Data{
		Host: h, Appliance: templates.Appliance{URL: "http://10.77.0.1", Agents: "https://10.77.0.1:8443"},
		Image:   templates.Image{URL: "http://10.77.0.1/image/debian12/root.tar.zst", SHA256: strings.Repeat("0", 64), Kernel: "http://10.77.0.1/k", Initrd: "http://10.77.0.1/i"},
		Mirrors: map[string]string{"debian": "http://10.77.0.1/mirror/debian", "debian-security": "http://10.77.0.1/mirror/debian-security", "rocky": "http://10.77.0.1/mirror/rocky"},
		Install: templates.Install{ID: "web1-1", Kickstart: base + "/ks", Report: base + "/event", Agent: base + "/agent", CA: base + "/ca.pem", EnrolToken: "ENROL", BootIF: "01-52-54-00-00-00-01"},
	}
}

func secret(name string) (string, error) {
	if name == "root" {
		return templates.StandIn, nil
	}
	return "", errors.New("no such secret")
}

func TestBuiltins(t *testing.T) {
	wiped := data(host())
	wiped.Install.Wipe = true
	small := data(host())
	small.Host.Variables, small.Host.Network.Gateway, small.Host.Disk, small.Mirrors = nil, netip.Addr{}, "vda", nil
	quirks := data(host())
	quirks.Host.Boot = inventory.Boot{Console: "ttyS1,9600n8", Args: []string{"nomodeset", "pci=noaer"}, VLAN: 10}
	quirks.Install.Wipe = true
	arm := data(host())
	arm.Host.System = &inventory.System{Name: "debian12-arm64", Arch: inventory.ArchARM64}
	arm.Image.Kernel, arm.Image.Initrd = "(tftp,10.77.0.1)/image/x/vmlinuz", "(tftp,10.77.0.1)/image/x/initrd.img"
	args := data(host())
	args.Host.Variables["installer_args"] = "console=ttyS2  quiet"
	args.Host.Boot.Console = "ttyS1"
	wipe := data(host())
	wipe.Install = templates.Install{ID: "web1-wipe-1", Job: "wipe", Order: "http://10.77.0.1/i/TOKEN/job", Report: "http://10.77.0.1/i/TOKEN/event", BootIF: "01-52-54-00-00-00-01"}
	wipe.Host.Boot.Console = "ttyS1"
	unclaimed := templates.Data{Host: &inventory.Host{}, Unclaimed: templates.Unclaimed{
		MAC: "52:54:00:00:00:99", Script: "http://10.77.0.1/boot/ipxe?mac=52:54:00:00:00:99", Left: "9 min 50 s", Pause: 10001, Most: 61,
	}}
	claimed := templates.Data{Host: host(), Unclaimed: templates.Unclaimed{MAC: "52:54:00:00:00:01"}}
	for name, tt := range map[string]struct {
		template string
		data     templates.Data
	}{
		"unclaimed": {"unclaimed.ipxe", unclaimed}, "claimed": {"claimed.ipxe", claimed},
		"install-wipe": {"install.ipxe", wipe}, "grub-wipe": {"install.grub", wipe},
		"base": {"base.ks", data(host())}, "base-wipe": {"base.ks", wiped}, "base-small": {"base.ks", small},
		"install": {"install.ipxe", data(host())}, "disk": {"disk.ipxe", data(host())},
		"install-quirks": {"install.ipxe", quirks}, "install-args": {"install.ipxe", args},
		"grub": {"install.grub", data(host())}, "grub-quirks": {"install.grub", quirks}, "grub-arm64": {"install.grub", arm},
		"grub-disk": {"disk.grub", data(host())}, "base-quirks": {"base.ks", quirks},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := templates.New("").Render(tt.template, tt.data, templates.Funcs(tt.data.Host, secret))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOperatorsOwn(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("guard.ks", "# mine\n")
	write("loop.ks", `{{ template "loop2.ks" . }}`)
	write("loop2.ks", `{{ template "loop.ks" . }}`)
	write("missing.ks", `{{ .Host.Variables.nope }}`)
	write("secret.ks", `{{ secret "other" }}`)
	write("gone.ks", `{{ template "gone2.ks" . }}`)
	write("line.ks", `{{ quote "a\nb" }}`)
	set := templates.New(dir)
	render := func(name string) (string, error) {
		h := host()
		return set.Render(name, data(h), templates.Funcs(h, secret))
	}
	got, err := render("base.ks")
	if err != nil || !strings.Contains(got, "# mine") || strings.Contains(got, "wipefs") {
		t.Errorf("the operator's guard.ks does not take the built-in one's place: %v", err)
	}
	for name, want := range map[string]string{
		"loop.ks": "", "missing.ks": "nope", "secret.ks": "no such secret", "gone.ks": "gone2.ks", "line.ks": "line break",
		"../guard.ks": "without a folder", ".hidden": "without a folder", "none.ks": "not built in",
	} {
		if out, err := render(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v; want an error with %q", name, out, err, want)
		}
	}
	if !set.Has("base.ks") || set.Has("none.ks") {
		t.Error("Has")
	}
}

// TestOursFits: so many disks of an earlier attempt are named as fit on a command line.
func TestOursFits(t *testing.T) {
	ours := func(ids, job string) string {
		d := data(host())
		d.Install.Ours, d.Install.Job = ids, job
		args, err := d.KernelArgs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range args {
			if ids, ok := strings.CutPrefix(a, "rackhand.ours="); ok {
				return ids
			}
		}
		return "none"
	}
	long := strings.Repeat("x", 300)
	for _, tt := range []struct{ ids, job, want string }{
		{"", "", "none"},
		{"naa.5000c500a1b2c3d4 vd-web1", "", "naa.5000c500a1b2c3d4,vd-web1"},
		{"naa.5000c500a1b2c3d4", "wipe", "none"},
		{long + " " + long + " " + long, "", long + "," + long},
		{strings.Repeat("x", 2000), "", "none"},
	} {
		if got := ours(tt.ids, tt.job); got != tt.want {
			t.Errorf("%.40q: %.40q, want %.40q", tt.ids, got, tt.want)
		}
	}
}

// TestKernelArgs: text that can't stand on a kernel's command line never gets there.
func TestKernelArgs(t *testing.T) {
	for _, bad := range []string{"a b", "a'b", `a"b`, "a\nb", "a\x00", "über", "${net0/mac}", "&&"} {
		d := data(host())
		d.Host.Boot.Args = []string{bad}
		if args, err := d.KernelArgs(); err == nil {
			t.Errorf("%q: %q", bad, args)
		}
		for _, name := range []string{"install.ipxe", "install.grub"} {
			if _, err := templates.New("").Render(name, d, templates.Funcs(d.Host, secret)); err == nil {
				t.Errorf("%s renders with %q", name, bad)
			}
		}
	}
}
