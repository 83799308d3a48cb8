//go:build e2e

package image

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// sh runs a script in a folder.
func sh(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, script, out)
	}
}

func needTools(t *testing.T, tools map[string]string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test builds a root image: run it as root")
	}
	for tool, pkg := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s isn't installed: apt install %s", tool, pkg)
		}
	}
}

// fakeKernel writes a kernel as a package has it: its image, an initrd, and
// modules that are packed with the command given.
func fakeKernel(t *testing.T, dir, version, initrd, modules, pack, ending string) {
	t.Helper()
	write(t, dir, map[string]string{"boot/vmlinuz-" + version: "a made-up kernel", "boot/" + initrd: "its made-up initrd"})
	index := ""
	for line := range strings.Lines(dep) {
		name, _, _ := strings.Cut(line, ":")
		write(t, dir, map[string]string{modules + "/" + version + "/" + name: "module " + name})
		index += line
	}
	sh(t, dir, "find "+modules+" -name '*.ko' -print0 | xargs -0 "+pack)
	write(t, dir, map[string]string{
		modules + "/" + version + "/modules.dep":   strings.ReplaceAll(index, ".ko", ".ko"+ending),
		modules + "/" + version + "/modules.alias": "alias pci:v8086 e1000e\n",
	})
}

// agesOf makes every other file of a package one from the future. All else is from
// this very second, or nearly so.
func agesOf(t *testing.T, root string) {
	t.Helper()
	later, n := time.Now().Add(36*time.Hour), 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if n++; n%2 == 0 {
			return nil
		}
		return os.Chtimes(path, later, later)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// madeUpDebs are packages of the names given that hold nothing, but for the kernel.
// Their version is higher than any that another package breaks with.
func madeUpDebs(t *testing.T, dir string, names []string) {
	t.Helper()
	for _, name := range names {
		root := filepath.Join(t.TempDir(), name)
		write(t, root, map[string]string{"DEBIAN/control": "Package: " + name + "\nVersion: 9:1.0\nArchitecture: amd64\nMaintainer: nobody <nobody@example.org>\nDescription: made up for a test\n"})
		switch name {
		case "made-up":
			// Programs that the initramfs takes from packages that aren't essential.
			write(t, root, map[string]string{"etc/mke2fs.conf": "[defaults]\n"})
			for _, p := range programs() {
				if !slices.Contains([]string{"busybox", "mkswap", "wipefs", "blkid", "lsblk"}, filepath.Base(p)) {
					write(t, root, map[string]string{p: "#!/bin/sh\n"})
				}
			}
		case "linux-image-generic":
			fakeKernel(t, root, "6.8.0-31-generic", "initrd.img-6.8.0-31-generic", "lib/modules", "zstd -q --rm", ".zst")
		}
		agesOf(t, root)
		sh(t, dir, "chmod -R go-w "+root+"; dpkg-deb --root-owner-group -Zgzip -b "+root+" . >/dev/null")
	}
}

// realDebs fetches what Debian needs at the least, with this machine's own apt in a
// state of its own.
func realDebs(t *testing.T, dir string, names []string) {
	t.Helper()
	sources, err := HostSources("bookworm")
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	if err := writeSources(filepath.Join(state, "sources.list"), sources); err != nil {
		t.Fatal(err)
	}
	options := ""
	for _, o := range []string{
		"Dir::State::lists=" + state + "/lists", "Dir::State::status=/dev/null", "Dir::Cache=" + state, "Dir::Cache::archives=" + dir,
		"Dir::Etc::sourcelist=" + state + "/sources.list", "Dir::Etc::sourceparts=/dev/null", "APT::Sandbox::User=root",
		"Acquire::Languages=none", "APT::Install-Recommends=false", "Debug::NoLocking=true",
	} {
		options += " -o " + o
	}
	sh(t, dir, "mkdir -p "+state+"/lists/partial partial; apt-get"+options+" -q update; "+
		"apt-get"+options+" -q -y --download-only install "+strings.Join(names, " ")+
		" $(apt-cache"+options+" dumpavail | awk '/^Package:/{p=$2} /^Essential: yes/{print p}'); rm -rf partial lock")
}

// aptArchive makes an archive of Debian's form out of the packages in its pool, and
// signs it with a key of its own. It answers with the key's file.
func aptArchive(t *testing.T, dir, suite string) string {
	t.Helper()
	home := t.TempDir()
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() })
	sh(t, dir, `d=dists/`+suite+`; mkdir -p $d/main/binary-amd64
apt-ftparchive packages pool >$d/main/binary-amd64/Packages
apt-ftparchive -o APT::FTPArchive::Release::Suite=`+suite+` -o APT::FTPArchive::Release::Codename=`+suite+` \
  -o APT::FTPArchive::Release::Components=main -o APT::FTPArchive::Release::Architectures=amd64 release $d >Release.new
mv Release.new $d/Release
export GNUPGHOME=`+home+`
gpg --batch --quiet --passphrase '' --quick-gen-key test@example.org ed25519 sign never
gpg --batch --quiet --clearsign --output $d/InRelease $d/Release
gpg --batch --quiet --export >key.gpg`)
	return filepath.Join(dir, "key.gpg")
}

// buildTwice builds an image two times and holds the second against the first.
func buildTwice(t *testing.T, o Options) *Manifest {
	t.Helper()
	o.Installer, o.level = []byte("the installer"), zstd.SpeedFastest
	o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	first, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(first.Files, second.Files); d != "" {
		t.Errorf("the same packages made another image (-first +second):\n%s", d)
	}
	if err := Verify(t.Context(), o.Dir, o.Name); err != nil {
		t.Error(err)
	}
	if why := second.Stale(); why != "" {
		t.Errorf("a new image is stale: %s", why)
	}
	return second
}

// checkLists looks for packages in both lists.
func checkLists(t *testing.T, folder string, purls ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, SBOMFile))
	if err != nil {
		t.Fatal(err)
	}
	var d spdxDocument
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	for _, want := range purls {
		if !slices.ContainsFunc(d.Packages, func(p spdxPackage) bool { return len(p.Refs) > 0 && p.Refs[0].Locator == want }) {
			t.Errorf("the SBOM lacks %s", want)
		}
	}
}

// checkInitramfs looks for a real busybox, and for a module that came packed.
func checkInitramfs(t *testing.T, folder, kernel string) {
	t.Helper()
	base, err := os.ReadFile(filepath.Join(folder, BaseFile))
	if err != nil {
		t.Fatal(err)
	}
	files := unpack(t, base)
	if !strings.HasPrefix(files["usr/bin/busybox"], "\x7fELF") || files["usr/bin/sh"] != "busybox" {
		t.Errorf("busybox is %.4q, sh leads to %q", files["usr/bin/busybox"], files["usr/bin/sh"])
	}
	const module = "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko"
	if got := files["usr/lib/modules/"+kernel+"/"+module]; got != "module "+module {
		t.Errorf("the module is %q", got)
	}
}

// Ubuntu's builder against an archive that has Ubuntu's form: Debian's essential
// packages, and made-up ones for all else. Ubuntu's own was never tried.
func TestBuildUbuntuLike(t *testing.T) {
	needTools(t, map[string]string{"mmdebstrap": "mmdebstrap", "apt-ftparchive": "apt-utils", "dpkg-deb": "dpkg", "gpg": "gpg", "zstd": "zstd"})
	archive := t.TempDir()
	if err := os.Chmod(archive, 0o755); err != nil {
		t.Fatal(err)
	}
	pool := filepath.Join(archive, "pool")
	if err := os.Mkdir(pool, 0o755); err != nil {
		t.Fatal(err)
	}
	r := Recipe{Distribution: "ubuntu", Release: "noble", Packages: []string{"made-up"}, Sources: []string{"file://" + archive + " noble main"}}
	realDebs(t, pool, []string{"apt", "mawk", "busybox-static"})
	madeUpDebs(t, pool, slices.DeleteFunc(r.packages(), func(p string) bool {
		found, err := filepath.Glob(filepath.Join(pool, p+"_*.deb"))
		return err != nil || len(found) > 0
	}))
	r.Key = aptArchive(t, archive, "noble")
	o := Options{Name: "ubuntu24.04", Dir: filepath.Join(t.TempDir(), "images"), Recipe: &r}
	m := buildTwice(t, o)
	folder := filepath.Join(o.Dir, m.Name)
	if m.Distribution != "ubuntu" || m.Release != "noble" || m.Kernel != "6.8.0-31-generic" {
		t.Errorf("the manifest is %+v", m)
	}
	checkLists(t, folder, "pkg:deb/ubuntu/made-up@9%3A1.0?arch=amd64&distro=ubuntu-noble", "pkg:deb/ubuntu/netplan.io@9%3A1.0?arch=amd64&distro=ubuntu-noble")
	checkInitramfs(t, folder, m.Kernel)

	// An archive that the keys didn't sign is refused, and the image stays.
	r.Key = debianKeyring
	o.Installer = []byte("i")
	if _, err := Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), "isn't signed by the keys it should be") {
		t.Errorf("a foreign signature: %v", err)
	}
	if err := Verify(t.Context(), o.Dir, o.Name); err != nil {
		t.Error(err)
	}
}

// rpmSpec is a spec of packages that hold nothing, but for the kernel.
func rpmSpec(names []string, kernel string) string {
	var b strings.Builder
	b.WriteString("Name: made-up\nVersion: 1\nRelease: 1.el9\nSummary: made up\nLicense: none\n%description\nmade up\n%install\n" +
		"mkdir -p %{buildroot}\ncp -a %{_sourcedir}/kernel/. %{buildroot}/\n%files\n")
	for _, name := range names {
		fmt.Fprintf(&b, "%%package -n %s\nSummary: made up\n%%description -n %[1]s\nmade up\n%%files -n %[1]s\n", name)
		if name == "kernel" {
			b.WriteString("/boot/vmlinuz-" + kernel + "\n/boot/initramfs-" + kernel + ".img\n/usr/lib/modules/" + kernel + "\n")
		}
	}
	return b.String()
}

// Red Hat's builder against a repository of made-up packages. A real distribution's
// was never tried.
func buildRedHatLike(t *testing.T, dir string) {
	needTools(t, map[string]string{"dnf": "dnf", "rpm": "rpm", "rpmbuild": "rpm", "createrepo_c": "createrepo-c", "mmdebstrap": "mmdebstrap", "xz": "xz-utils"})
	const kernel = "5.14.0-1.el9.x86_64"
	top := t.TempDir()
	r := Recipe{Distribution: "rocky", Release: "9", Packages: []string{"made-up"}, Sources: []string{"file://" + top + "/RPMS"}, Unsigned: true}
	fakeKernel(t, filepath.Join(top, "SOURCES/kernel"), kernel, "initramfs-"+kernel+".img", "usr/lib/modules", "xz", ".xz")
	agesOf(t, filepath.Join(top, "SOURCES"))
	write(t, top, map[string]string{"made-up.spec": rpmSpec(rpmPackages(), kernel)})
	sh(t, top, "rpmbuild --quiet --target x86_64 --define '_topdir "+top+"' --define '_build_id_links none' --define '__os_install_post %{nil}' --nodeps -bb made-up.spec && createrepo_c -q RPMS")
	o := Options{Name: "rocky9", Dir: dir, Recipe: &r}
	m := buildTwice(t, o)
	folder := filepath.Join(o.Dir, m.Name)
	if m.Distribution != "rocky" || m.Release != "9" || m.Kernel != kernel {
		t.Errorf("the manifest is %+v", m)
	}
	checkLists(t, folder, "pkg:rpm/rocky/kernel@1-1.el9?arch=x86_64&distro=rocky-9", "pkg:rpm/rocky/made-up@1-1.el9?arch=x86_64&distro=rocky-9")
	checkInitramfs(t, folder, kernel)

	r.Unsigned, r.Key, o.Installer = false, debianKeyring, []byte("i")
	if _, err := Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), "isn't signed by the key given") {
		t.Errorf("packages that nobody signed: %v", err)
	}
}
