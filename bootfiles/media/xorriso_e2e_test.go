//go:build e2e

package media_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/bootfiles/media"
	"rackhand/bootfiles/media/iso9660"
)

// bigFile is over 4 GiB, so that it takes two extents. It is all zeros but at a few
// places, and neither it nor the image takes that much of a disk that keeps holes.
const bigFile = 4<<30 + 300<<20 + 12345

// xorriso makes an image of a folder. It comes by a pipe, and what is zero in it
// becomes a hole.
func xorriso(t *testing.T, tree, iso, label string) {
	t.Helper()
	program, err := exec.LookPath("xorriso")
	if err != nil {
		t.Fatalf("%v: `make deps-test` installs it", err)
	}
	out, err := os.Create(iso)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.CommandContext(t.Context(), program, "-as", "mkisofs", "-quiet", "-r", "-iso-level", "3", "-V", label, tree)
	var said bytes.Buffer
	cmd.Stderr = &said
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf, zeros := make([]byte, 1<<20), make([]byte, 1<<20)
	var at int64
	for {
		n, err := io.ReadFull(pipe, buf)
		if n > 0 && !bytes.Equal(buf[:n], zeros[:n]) {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				t.Fatal(err)
			}
		}
		at += int64(n)
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("xorriso: %v: %s", err, said.String())
	}
	if err := out.Truncate(at); err != nil {
		t.Fatal(err)
	}
}

// longName is a path whose last part is nearly as long as a file system takes.
var longName = "Packages/" + strings.Repeat("a-long-name-", 20) + ".x86_64.rpm"

// bigMarks are the bytes at a few places of the big file, the rest of which is a hole.
var bigMarks = map[int64]string{0: "the first bytes", 1 << 32: "past 4 GiB", 1<<32 - 2048 - 5: "across the extents' border", bigFile - 9: "last ones"}

// writeTree fills a folder with a tree such as Rocky Linux's, and returns the files'
// contents by name.
func writeTree(t *testing.T, tree string) (contents map[string][]byte) {
	t.Helper()
	random := rand.NewChaCha8([32]byte{7})
	deep := strings.Repeat("a-folder/", 12)
	files := map[string]int{
		"images/pxeboot/vmlinuz": 5 << 20, "images/pxeboot/initrd.img": 9<<20 + 7, "images/install.img": 20<<20 + 1,
		"BaseOS/repodata/repomd.xml": 3000, longName: 70000, deep + "empty": 0, deep + "file": 2048, "EFI/BOOT/BOOTX64.EFI": 2047, "with ünïcode & blanks": 99,
	}
	for i := range 3000 { // a directory of many blocks, as Packages/ is
		files[fmt.Sprintf("Packages/p/package-%04d-1.0-1.el9.noarch.rpm", i)] = i % 50
	}
	contents = map[string][]byte{}
	var treeinfo strings.Builder
	treeinfo.WriteString("[release]\nname = Rocky Linux\nversion = 9.4\n[tree]\narch = x86_64\nvariants = BaseOS\n[variant-BaseOS]\nrepository = BaseOS\n[images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n[stage2]\nmainimage = images/install.img\n[checksums]\n")
	for name, size := range files {
		b := make([]byte, size)
		_, _ = random.Read(b)
		path := filepath.Join(tree, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		contents[name] = b
		if strings.HasPrefix(name, "images/") {
			fmt.Fprintf(&treeinfo, "%s = sha256:%x\n", name, sum)
		}
	}
	if err := errors.Join(os.WriteFile(filepath.Join(tree, ".treeinfo"), []byte(treeinfo.String()), 0o644), os.Symlink("../images/install.img", filepath.Join(tree, "EFI/stage2"))); err != nil {
		t.Fatal(err)
	}
	return contents
}

// writeBig writes a file larger than 4 GiB with bigMarks.
func writeBig(t *testing.T, path string) {
	t.Helper()
	big, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := big.Truncate(bigFile); err != nil {
		t.Fatal(err)
	}
	for at, mark := range bigMarks {
		if _, err := big.WriteAt([]byte(mark), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := big.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestXorriso: an image of a real maker's, with names, depth and size beyond plain ISO
// 9660, is served out of its file byte for byte.
func TestXorriso(t *testing.T) {
	tree := t.TempDir()
	files := writeTree(t, tree)
	writeBig(t, filepath.Join(tree, "images/big.img"))
	iso := filepath.Join(t.TempDir(), "made.iso")
	xorriso(t, tree, iso, "RACKHAND-TEST")

	f, err := os.Open(iso)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	v, err := iso9660.Open(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := v.ReadFile(name, 1<<30)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}
	if got, err := v.ReadFile("EFI/stage2", 1<<30); err != nil || !bytes.Equal(got, files["images/install.img"]) {
		t.Errorf("by its link: %v", err)
	}
	if _, err := v.Open("images/updates.img"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	b, err := v.Open("images/big.img")
	if err != nil {
		t.Fatal(err)
	}
	if _, one := b.Place(); b.Size() != bigFile || one {
		t.Errorf("the big file: %d bytes, in one piece: %v", b.Size(), one)
	}
	for at, mark := range bigMarks {
		got := make([]byte, len(mark))
		if n, err := b.ReadAt(got, at); string(got[:n]) != mark {
			if want := mark[:min(int64(len(mark)), bigFile-at)]; string(got[:n]) != want {
				t.Errorf("at %d: %q (%v), want %q", at, got[:n], err, want)
			}
		}
	}
	// And as the appliance has it: added, looked into, verified.
	dir := filepath.Join(t.TempDir(), "media")
	m, _, err := media.Add(t.Context(), iso, media.AddOptions{Dir: dir, Name: "made", InPlace: true, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if m.Tree.Release() != "RHEL9" || !m.Packages {
		t.Errorf("%+v", m)
	}
	s := media.NewStore(dir)
	if got := contents(t, s, "made", longName); got != string(files[longName]) {
		t.Error("the long name's file differs")
	}
}

// TestBootISO: an ISO without .treeinfo, as lorax makes boot.iso, is added for the release
// that its .discinfo or its label says; RHEL 8's has the label alone. Anaconda's initrd
// still finds a .treeinfo.
func TestBootISO(t *testing.T) {
	for _, tt := range []struct{ label, discinfo, stage2, release, fails string }{
		{"Rocky-9-4-x86_64-boot", "1714953600.123\n9.4\nx86_64\n", "images/install.img", "RHEL9", ""},
		{"RHEL-8-10-0-BaseOS-x86_64", "", "images/install.img", "RHEL8", ""},
		{"Fedora-E-dvd-x86_64-44", "1745000000.5\nFedora 44\nx86_64\n", "images/install.img", "F44", ""},
		{"CentOS 7 x86_64", "1604000000.1\n7.9\nx86_64\n", "LiveOS/squashfs.img", "RHEL7", ""},
		{"CDROM", "", "images/install.img", "", "neither its .discinfo nor its label"},
		{"Rocky-9-4-x86_64-boot", "", "", "", "nor the files of a boot.iso"},
	} {
		tree := t.TempDir()
		files := map[string]string{"images/pxeboot/vmlinuz": "a kernel", "images/pxeboot/initrd.img": "an initrd", "EFI/BOOT/BOOTX64.EFI": "a shim", "images/eltorito.img": "x"}
		if tt.stage2 != "" {
			files[tt.stage2] = "a second stage"
		}
		if tt.discinfo != "" {
			files[".discinfo"] = tt.discinfo
		}
		for name, text := range files {
			path := filepath.Join(tree, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		iso := filepath.Join(t.TempDir(), "boot.iso")
		xorriso(t, tree, iso, tt.label)
		dir := filepath.Join(t.TempDir(), "media")
		m, notes, err := media.Add(t.Context(), iso, media.AddOptions{Dir: dir, Name: "boot", Now: now})
		if tt.fails != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%s: %v", tt.label, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.label, err)
			continue
		}
		if m.Tree.Release() != tt.release || m.Tree.Processor() != "amd64" || m.Packages || m.Tree.Stage2 != tt.stage2 || len(notes) != 2 || len(m.Files) != 3 {
			t.Errorf("%s: %+v, %q", tt.label, m, notes)
		}
		s := media.NewStore(dir)
		made, err := media.ParseTreeinfo([]byte(contents(t, s, "boot", ".treeinfo")))
		if err != nil || made.Stage2 != tt.stage2 || made.Release() != tt.release || len(made.Checksums) != 3 {
			t.Errorf("%s: %+v, %v", tt.label, made, err)
		}
		if got := contents(t, s, "boot", tt.stage2); got != "a second stage" {
			t.Errorf("%s: %q", tt.label, got)
		}
		if err := media.Verify(t.Context(), dir, "boot"); err != nil {
			t.Errorf("%s: %v", tt.label, err)
		}
		if _, err := s.Open("boot", "images/product.img"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", tt.label, err)
		}
	}
}
