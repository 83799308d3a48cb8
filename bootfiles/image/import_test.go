package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func TestImport(t *testing.T) {
	dir := t.TempDir()
	fakeTools(t, dir)
	// The same root in another order, links last.
	turned := wholeRoot(t)
	slices.Reverse(turned)
	slices.SortStableFunc(turned, func(a, b tarred) int {
		rank := map[byte]int{tar.TypeLink: 1}
		return rank[a.kind] - rank[b.kind]
	})
	data := map[string][]byte{"": makeTar(t, wholeRoot(t)), "turned": makeTar(t, turned)}
	for _, kind := range []string{"gzip", "xz", "zstd", "lz4"} {
		data[kind] = packed(t, kind, data[""])
	}
	sums := map[string]string{}
	for kind, content := range data {
		file := filepath.Join(t.TempDir(), "root.tar"+kind)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := Import(t.Context(), Options{Name: "mine", Dir: dir, Installer: []byte("the installer")}, ImportOptions{File: file})
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(t.Context(), dir, "mine"); err != nil {
			t.Error(err)
		}
		for _, name := range m.FileNames() {
			sum := m.Files[name].SHA256
			if was, ok := sums[name]; ok && was != sum {
				t.Errorf("%s differs when the tar came as %q", name, kind)
			}
			sums[name] = sum
		}
		if m.Kernel != testKernel || m.Distribution != "made-up" || m.Release != "7" || m.Packages != 1 || m.Import == nil || m.Import.File != "root.tar"+kind {
			t.Errorf("the manifest is %+v", m)
		}
		if d := cmp.Diff(map[string][]string{"e1000e": {"intel/missing.bin"}}, m.FirmwareMissing); d != "" {
			t.Errorf("missing firmware (-want +got):\n%s", d)
		}
	}
	base, err := os.ReadFile(filepath.Join(dir, "mine", BaseFile))
	if err != nil {
		t.Fatal(err)
	}
	files := unpack(t, base)
	for name, want := range map[string]string{
		"usr/bin/wget": "busybox", "usr/bin/busybox": "#!/bin/sh\n", "usr/lib/firmware/intel/here.bin": "firmware",
		"usr/lib/modules/" + testKernel + "/kernel/fs/ext4/ext4.ko":    "module kernel/fs/ext4/ext4.ko",
		"usr/lib/modules/" + testKernel + "/kernel/drivers/ptp/ptp.ko": "module kernel/drivers/ptp/ptp.ko",
		"usr/lib/modules/" + testKernel + "/modules.alias":             "alias pci:v8086 e1000e\n",
	} {
		if files[name] != want {
			t.Errorf("in the initramfs, %s is %q, want %q", name, files[name], want)
		}
	}
	if strings.Contains(files["usr/lib/modules/"+testKernel+"/modules.dep"], ".xz") {
		t.Error("modules.dep names packed modules")
	}
	checkImportedRoot(t, filepath.Join(dir, "mine", RootFile))
}

func checkImportedRoot(t *testing.T, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	got := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = string(h.Typeflag) + " " + h.Linkname + string(text)
		if h.Uname != "" || h.ModTime.Nanosecond() != 0 {
			t.Errorf("%s has the owner %q and the time %v", h.Name, h.Uname, h.ModTime)
		}
		if h.Name == "aaa" {
			if d := cmp.Diff(map[string]string{xattrPrefix + "security.capability": "\x01\x00"}, h.PAXRecords); d != "" {
				t.Errorf("its extended attributes (-want +got):\n%s", d)
			}
		}
	}
	for name, want := range map[string]string{
		"aaa": "0 ping", "usr/bin/ping": "1 aaa", "usr/bin/ping6": "1 aaa", "bin": "2 usr/bin", "dev/null": "3 ",
		"etc/machine-id": "0 ", "etc/ssh/sshd_config": "0 kept",
		"etc/systemd/system/multi-user.target.wants/":                          "5 ",
		"etc/systemd/system/multi-user.target.wants/rackhand-ssh-keys.service": "2 /etc/systemd/system/rackhand-ssh-keys.service",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if _, ok := got["etc/ssh/ssh_host_rsa_key"]; ok {
		t.Error("every host would have the same host key")
	}
	for _, name := range []string{"etc/rackhand/enrol-token", "var/lib/rackhand-agent/key.pem", "var/lib/rackhand-agent/cert.pem"} {
		if _, ok := got[name]; ok {
			t.Errorf("%s: every host's agent would speak for the host that the root was taken from", name)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	whole := wholeRoot(t)
	// This test's own program, said to be for another processor (e_machine, elf(5)).
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program[18] = 0xb7
	sh := tarred{name: "bin/sh", text: "#!"}
	for _, c := range []struct {
		name, want string
		list       []tarred
		o          ImportOptions
	}{
		{"no kernel", "it has no kernel", without(without(whole, "vmlinuz"), "initrd"), ImportOptions{}},
		{"no kernel, vouched for", "with --boot-from", without(whole, "vmlinuz"), ImportOptions{Complete: true}},
		{"no kernel, and one borrowed", "would not boot", without(whole, "vmlinuz"), ImportOptions{BootFrom: "debian12"}},
		{"no initrd", "has no initrd in /boot", without(whole, "initrd"), ImportOptions{}},
		{"no grub-install", "neither grub-install", without(whole, "grub-install"), ImportOptions{}},
		{"no GRUB", "no modules of GRUB", without(whole, "normal.mod"), ImportOptions{}},
		{"another kernel", "no kernel 1.2; it has: " + testKernel, whole, ImportOptions{Kernel: "1.2"}},
		{"two kernels", "has 2 kernels: choose", append(slices.Clone(whole), tarred{name: "boot/vmlinuz-9.9", text: "k"}), ImportOptions{}},
		{"a kernel's name that is a path", "can't be a kernel's version", append(slices.Clone(whole), tarred{name: "usr/lib/modules/-x y/vmlinuz", text: "k"}), ImportOptions{}},
		{"no modules.dep", "run depmod", without(whole, "modules.dep"), ImportOptions{}},
		{"no such image to boot from", "no such image", whole, ImportOptions{BootFrom: "nothing"}},
		{"itself to boot from", "boot from itself", whole, ImportOptions{BootFrom: "mine"}},
		{"no root", "no /bin/sh", []tarred{{name: "README", text: "hello"}}, ImportOptions{}},
		{"another processor", "EM_AARCH64", []tarred{{name: "bin/sh", text: string(program)}}, ImportOptions{}},
		{"a way out", "leads out of the root", []tarred{sh, {name: "../../etc/passwd", text: "x"}}, ImportOptions{}},
		{"a hard link out", "leads out of the root", []tarred{sh, {name: "x", kind: tar.TypeLink, link: "../x"}}, ImportOptions{}},
		{"a hard link to nothing", "doesn't stand before it", []tarred{sh, {name: "x", kind: tar.TypeLink, link: "y"}}, ImportOptions{}},
		{"a file below a link", "is not a folder", []tarred{sh, {name: "tmp", kind: tar.TypeSymlink, link: "/etc"}, {name: "tmp/passwd", text: "x"}}, ImportOptions{}},
		{"links in a ring", "no /bin/sh", []tarred{{name: "bin", kind: tar.TypeSymlink, link: "nib"}, {name: "nib", kind: tar.TypeSymlink, link: "bin"}}, ImportOptions{}},
		{"nothing", "is empty", nil, ImportOptions{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			fakeTools(t, dir)
			fakeImage(t, dir, "debian12")
			c.o.File = filepath.Join(t.TempDir(), "root.tar")
			if err := os.WriteFile(c.o.File, makeTar(t, c.list), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Import(t.Context(), Options{Name: "mine", Dir: dir, Installer: []byte("i")}, c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, buildPrefix+"*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A root without a kernel takes another image's, once somebody vouches for it.
func TestImportBootFrom(t *testing.T) {
	dir := t.TempDir()
	other := fakeImage(t, dir, "debian12")
	file := filepath.Join(t.TempDir(), "root.tar")
	if err := os.WriteFile(file, makeTar(t, without(wholeRoot(t), "vmlinuz")), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Import(t.Context(), Options{Name: "mine", Dir: dir, Installer: []byte("i")}, ImportOptions{File: file, BootFrom: "debian12", Complete: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), dir, "mine"); err != nil {
		t.Error(err)
	}
	if m.Files[KernelFile] != other.Files[KernelFile] || m.Files[BaseFile] != other.Files[BaseFile] || m.Kernel != other.Kernel {
		t.Errorf("it boots from %+v", m)
	}
	if err := Remove(dir, "debian12"); err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), dir, "mine"); err != nil {
		t.Errorf("once the other image is removed: %v", err)
	}
}

func TestRootTarSize(t *testing.T) {
	data := makeTar(t, []tarred{{name: "a", text: "1234"}, {name: "b", text: "5678"}})
	if _, err := readRootTar(t.Context(), bytes.NewReader(data), &memory{}, limitsFor(7)); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
}

// A memory is a spool without a file: a try of the fuzz target would else spend its
// time on making files.
type memory struct{ b []byte }

func (m *memory) Write(p []byte) (int, error) { m.b = append(m.b, p...); return len(p), nil }

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	m.b = append(m.b[:at], p...)
	return len(p), nil
}

func (m *memory) ReadAt(p []byte, at int64) (int, error) { return bytes.NewReader(m.b).ReadAt(p, at) }

// signHeaders gives each block that looks like a header its checksum, which a change
// of one bit else makes wrong: nothing behind it would be tried.
func signHeaders(data []byte) {
	for ; len(data) >= 512; data = data[512:] {
		if string(data[257:262]) != "ustar" {
			continue
		}
		copy(data[148:156], "        ")
		sum := 0
		for _, b := range data[:512] {
			sum += int(b)
		}
		copy(data[148:], fmt.Sprintf("%06o\x00", sum))
	}
}

// FuzzRootTar: every root that can be read can be written, and is the same root when it is
// read again.
func FuzzRootTar(f *testing.F) {
	f.Add([]byte("not a tar"))
	for _, list := range [][]tarred{
		{{name: "bin/sh", text: "#!"}, {name: "sh", kind: tar.TypeLink, link: "bin/sh"}, {name: "a", kind: tar.TypeSymlink, link: "../b"}},
		{{name: "a/b/c", text: "x", records: map[string]string{xattrPrefix + "user.x": "y", "SCHILY.acl.access": "u::r"}}, {name: "dev/null", kind: tar.TypeChar}},
		wholeRoot(f),
	} {
		f.Add(makeTar(f, list))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		signHeaders(data)
		root, err := readRootTar(t.Context(), bytes.NewReader(data), &memory{}, limitsFor(64<<10))
		if err != nil {
			return
		}
		if _, _, err := root.bootable(""); err == nil {
			root.system()
		}
		if _, err := root.strip(); err != nil || len(root.entries) == 0 {
			return
		}
		first, second := writeAgain(t, root)
		if !bytes.Equal(first, second) {
			t.Error("what was written is another root when it is read")
		}
	})
}

// writeAgain writes a root, reads that, and writes it once more.
func writeAgain(t *testing.T, root *rootTar) (first, second []byte) {
	var out, again bytes.Buffer
	if _, err := root.write(t.Context(), &out); err != nil {
		return nil, nil // a name that PAX can't hold
	}
	first = bytes.Clone(out.Bytes())
	read, err := readRootTar(t.Context(), &out, &memory{}, limitsFor(1<<20))
	if err != nil {
		t.Fatalf("what was written can't be read: %v", err)
	}
	if _, err := read.write(t.Context(), &again); err != nil {
		t.Fatalf("what was written can't be written again: %v", err)
	}
	return first, again.Bytes()
}
