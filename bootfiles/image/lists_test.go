package image

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/config/schema/schematest"
)

func TestParseRPM(t *testing.T) {
	list, err := parseRPM("zlib\t1.2-3.el9\tx86_64\tzlib-1.2-3.el9.src.rpm\ngpg-pubkey\t1-2\t(none)\t(none)\n" +
		"openssl-libs\t1:3.0.7-1.el9\tx86_64\topenssl-3.0.7-1.el9.src.rpm\nmade-up\t1-1\t(none)\t(none)\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Package{
		{Name: "made-up", Version: "1-1", Arch: "noarch"},
		{Name: "openssl-libs", Version: "1:3.0.7-1.el9", Arch: "x86_64", Source: "openssl", SourceVersion: "3.0.7-1.el9"},
		{Name: "zlib", Version: "1.2-3.el9", Arch: "x86_64", Source: "zlib", SourceVersion: "1.2-3.el9"},
	}
	if d := cmp.Diff(want, list); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if _, err := parseRPM("warning: something\n"); err == nil {
		t.Error("a warning is taken for a package")
	}
}

// The document as a scanner gets it.
func TestBill(t *testing.T) {
	m := &Manifest{Name: "debian12", Distribution: "debian", Release: "bookworm"}
	root := File{Name: RootFile, SHA256: strings.Repeat("a", 64)}
	list := []Package{
		{Name: "g++", Version: "4:12.2.0-3", Arch: "amd64", Source: "gcc-defaults", SourceVersion: "1.203"},
		{Name: "libstdc++6", Version: "12.2.0-14+deb12u1", Arch: "amd64", Source: "gcc-12"},
	}
	got, err := makeSBOM(m, root, deb, list)
	if err != nil {
		t.Fatal(err)
	}
	schematest.Golden(t, "testdata/sbom.golden", got, *update)
	again, err := makeSBOM(m, root, deb, list)
	if err != nil || string(again) != string(got) {
		t.Errorf("the same image has another SBOM (%v)", err)
	}
	other, err := makeSBOM(m, root, deb, list[:1])
	if err != nil {
		t.Fatal(err)
	}
	var a, b spdxDocument
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(other, &b); err != nil {
		t.Fatal(err)
	}
	if a.Namespace == b.Namespace {
		t.Error("two images share a namespace")
	}
	if got := purl(&Manifest{Distribution: "rocky", Release: "9"}, rpm, Package{Name: "openssl-libs", Version: "1:3.0.7-1.el9", Arch: "x86_64"}); got != "pkg:rpm/rocky/openssl-libs@3.0.7-1.el9?arch=x86_64&distro=rocky-9&epoch=1" {
		t.Errorf("%s", got)
	}
}

func TestDNFConfig(t *testing.T) {
	r := Recipe{Distribution: "rocky", Release: "9", Sources: []string{"http://m/BaseOS", "http://m/AppStream"}, Key: "/etc/k ey", Packages: []string{"tmux"}}
	signed := dnfConfig(r, "/w")
	r.Unsigned = true
	schematest.Golden(t, "testdata/dnf.golden", []byte(signed+"\n# unsigned\n"+dnfConfig(r, "/w")), *update)
	args := strings.Join(dnfArgs(r, "/r", "/w/dnf.conf"), " ")
	for _, want := range []string{"--installroot=/r", "--releasever=9", "module_platform_id=platform:el9", " install ", " tmux"} {
		if !strings.Contains(args, want) {
			t.Errorf("the command line lacks %q: %s", want, args)
		}
	}
}

func TestPlaceDatabase(t *testing.T) {
	for release, want := range map[string]string{"9": "", "10": "../../usr/lib/sysimage/rpm"} {
		root := t.TempDir()
		if err := placeDatabase(Recipe{Distribution: "rocky", Release: release}, root); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.Readlink(filepath.Join(root, oldDatabase)); got != want {
			t.Errorf("release %s: /%s leads to %q, want %q", release, oldDatabase, got, want)
		}
		if _, err := os.Stat(filepath.Dir(filepath.Join(root, oldDatabase))); err != nil {
			t.Error(err)
		}
	}
}

func TestKernelOf(t *testing.T) {
	for _, c := range []struct {
		name, want string // the kernel's file, or a part of the error
		files      []string
	}{
		{"Debian's", "boot/vmlinuz-6.1.0-1-amd64", []string{"boot/vmlinuz-6.1.0-1-amd64", "boot/initrd.img-6.1.0-1-amd64"}},
		{"trixie's", "boot/vmlinuz-6.12.118+deb13-amd64", []string{"boot/vmlinuz-6.12.118+deb13-amd64", "boot/initrd.img-6.12.118+deb13-amd64"}},
		{"Fedora's", "boot/vmlinuz-6.1-1.fc42", []string{"boot/vmlinuz-6.1-1.fc42", "usr/lib/modules/6.1-1.fc42/vmlinuz", "boot/initramfs-6.1-1.fc42.img", "boot/vmlinuz-0-rescue-00"}},
		{"none", "has 0 kernels", []string{"boot/grub/grub.cfg"}},
		{"two", "has 2 kernels", []string{"boot/vmlinuz-1", "boot/vmlinuz-2"}},
		{"no initrd", "has no initrd", []string{"boot/vmlinuz-1"}},
	} {
		root, files := t.TempDir(), map[string]string{}
		for _, f := range c.files {
			files[f] = "x"
		}
		write(t, root, files)
		k, err := kernelOf(root)
		if err == nil && k.Image != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %+v, %v, want %q", c.name, k, err, c.want)
		}
	}
}

func TestUnpackedNames(t *testing.T) {
	plain, packed := unpackedNames("kernel/a.ko.xz: kernel/b.ko.zst kernel/c.ko\nkernel/b.ko.zst:\nkernel/c.ko:\n")
	if want := "kernel/a.ko: kernel/b.ko kernel/c.ko\nkernel/b.ko:\nkernel/c.ko:\n"; plain != want {
		t.Errorf("%q, want %q", plain, want)
	}
	if d := cmp.Diff(map[string]string{"kernel/a.ko": "kernel/a.ko.xz", "kernel/b.ko": "kernel/b.ko.zst"}, packed); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestFinishUbuntu(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"etc/resolv.conf": "nameserver 192.0.2.1", "etc/dpkg/dpkg.cfg.d/99mmdebstrap": "path-exclude=x"})
	if err := finish(root, Recipe{Distribution: "ubuntu", Release: "noble"}); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(root, "etc/resolv.conf")); err != nil || to != "../run/systemd/resolve/stub-resolv.conf" {
		t.Errorf("resolv.conf leads to %q, %v", to, err)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/network")); !os.IsNotExist(err) {
		t.Errorf("a system without ifupdown got its files: %v", err)
	}
}

func TestFinishRPM(t *testing.T) {
	root := t.TempDir()
	r := Recipe{Distribution: "rocky", Release: "9"}
	if err := putOverlay(r, root); err != nil {
		t.Fatal(err)
	}
	write(t, root, map[string]string{
		"etc/selinux/config": "SELINUX=enforcing", "var/log/dnf.log": "x", "var/lib/dnf/history.sqlite": "times",
		"var/lib/rpm/rpmdb.sqlite": "kept", "var/lib/rpm/.rpm.lock": "",
	})
	if err := finish(root, r); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		".autorelabel": true, "var/lib/rpm/rpmdb.sqlite": true, "etc/dracut.conf.d/rackhand.conf": true, "etc/network": false,
		"var/lib/rpm/.rpm.lock": false, "var/log/dnf.log": false, "var/lib/dnf/history.sqlite": false,
	} {
		if _, err := os.Stat(filepath.Join(root, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
	if id, err := os.ReadFile(filepath.Join(root, "etc/machine-id")); err != nil || len(id) > 0 {
		t.Errorf("the machine ID is %q, %v", id, err)
	}
}
