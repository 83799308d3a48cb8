package handout

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/templates"
)

// TestBase: each loader's way to write where the appliance is.
func TestBase(t *testing.T) {
	for _, tc := range []struct {
		loader   Loader
		at, want string
	}{
		{IPXEHTTP, "http://10.77.0.1", "http://10.77.0.1"},
		{IPXEHTTP, "http://10.77.0.1:8080", "http://10.77.0.1:8080"},
		{IPXETFTP, "http://10.77.0.1:8080", "tftp://10.77.0.1"},
		{GRUBHTTP, "http://10.77.0.1", "(http,10.77.0.1)"},
		{GRUBHTTP, "http://10.77.0.1:8080", "(http,10.77.0.1:8080)"},
		{GRUBTFTP, "http://10.77.0.1:8080", "(tftp,10.77.0.1)"},
	} {
		if got, err := tc.loader.Base(tc.at); got != tc.want || err != nil {
			t.Errorf("%s of %+v: %q, %v, want %q", tc.at, tc.loader, got, err, tc.want)
		}
	}
}

// TestData: the URLs of an install and of a job. A job names no answer file and no agent.
func TestData(t *testing.T) {
	m := Maker{Mirrors: []string{"debian"}}
	at := templates.Appliance{URL: "http://10.77.0.1", Agents: "https://10.77.0.1:8443"}
	a := Attempt{ID: "web1-1", MAC: inventory.MAC{0x52, 0x54, 0, 0, 0, 1}, Token: "T", EnrolToken: "E", Another: true, Wipe: true, Overwritable: " sda "}
	got := m.Data(&inventory.Host{Name: "web1"}, at, templates.Image{}, a)
	want := templates.Install{
		ID: "web1-1", Wipe: true, Another: true, Ours: " sda ", EnrolToken: "E", BootIF: "01-52-54-00-00-00-01",
		Kickstart: "http://10.77.0.1/i/T/ks", Report: "http://10.77.0.1/i/T/event",
		Agent: "http://10.77.0.1/i/T/agent", CA: "http://10.77.0.1/i/T/ca.pem",
	}
	if diff := cmp.Diff(want, got.Install); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"debian": "http://10.77.0.1/mirror/debian"}, got.Mirrors); diff != "" {
		t.Error(diff)
	}
	a.Job = provision.JobWipe
	want = templates.Install{ID: "web1-1", Job: "wipe", Order: "http://10.77.0.1/i/T/job", Report: "http://10.77.0.1/i/T/event", BootIF: "01-52-54-00-00-00-01"}
	if diff := cmp.Diff(want, m.Data(&inventory.Host{}, at, templates.Image{}, a).Install); diff != "" {
		t.Error(diff)
	}
}

// TestTFTPNames: which name of TFTP leads to which file, and the stage that its transfer
// brings an install to.
func TestTFTPNames(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{"own/own.efi": "program", "images/debian12/vmlinuz": "kernel", "images/debian12/initrd.img": "initrd"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	installing := true
	files := TFTP{
		Programs: bootfiles.New([]string{filepath.Join(dir, "own")}), Images: filepath.Join(dir, "images"),
		Menu: func(_ context.Context, _ netip.Addr, said *inventory.MAC, l Loader) (string, error) {
			if said != nil {
				return l.Install() + " of " + said.String(), nil
			}
			return l.Install(), nil
		},
		Script: func(_ context.Context, _ netip.Addr, mac inventory.MAC, l Loader) (string, error) {
			return l.Install() + " of " + mac.String(), nil
		},
		Installing: func(context.Context, netip.Addr) bool { return installing },
	}
	open := func(name string) (string, provision.Stage, error) {
		f, size, err := files.Open(t.Context(), netip.MustParseAddr("10.77.0.11"), name)
		if err != nil {
			return "", "", err
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if int64(len(b)) != size {
			t.Errorf("%s: size %d, read %d bytes", name, size, len(b))
		}
		return string(b), f.(Staged).Stage(), err
	}
	for name, tc := range map[string]struct {
		want  string // "" for none
		stage provision.Stage
	}{
		"own.efi":                                {"program", provision.Bootfile},
		"grub/grub.cfg":                          {"install.grub", ""},
		"grub/arm64-efi/grub.cfg":                {"install.grub", ""},
		"grub/grub.cfg-01-52-54-00-00-00-01":     {"install.grub of 52:54:00:00:00:01", ""},
		"ipxe/52:54:00:00:00:01":                 {"install.ipxe of 52:54:00:00:00:01", ""},
		"image/debian12/vmlinuz":                 {"kernel", ""},
		"image/debian12/initrd.img":              {"initrd", provision.Kernel},
		"image/debian12/manifest.json":           {},
		"image/../debian12/vmlinuz":              {},
		"grub/fs.lst":                            {},
		"grub/grub.cfg-52-54-00-00-00-01":        {},
		"ipxe/":                                  {},
		"media/rocky9/images/pxeboot/initrd.img": {}, // there are no media
	} {
		got, stage, err := open(name)
		if got != tc.want || stage != tc.stage || (err == nil) != (tc.want != "") {
			t.Errorf("%s: %q, stage %q, %v", name, got, stage, err)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, bootfiles.ErrName) {
			t.Errorf("%s: %v", name, err)
		}
	}
	installing = false
	if _, _, err := open("image/debian12/vmlinuz"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the kernel, without an install: %v", err)
	}
}
