package image

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/u-root/u-root/pkg/cpio"
)

// Read back by another implementation.
func TestCPIO(t *testing.T) {
	entries := []entry{
		{Name: "bin", Mode: modeLink | 0o777, Data: []byte("usr/bin")},
		{Name: "dev", Mode: modeDir | 0o755},
		{Name: "dev/console", Mode: modeChar | 0o600, Major: 5, Minor: 1},
		{Name: "init", Mode: modeFile | 0o755, Data: []byte("12345")},
		{Name: "later", Mode: modeFile | 0o644, Size: 6, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("abcdef")), nil }},
		{Name: "none", Mode: modeFile | 0o644, Data: []byte{}},
	}
	var b bytes.Buffer
	if err := writeCPIO(&b, entries); err != nil {
		t.Fatal(err)
	}
	if b.Len()%4 != 0 {
		t.Errorf("%d bytes aren't a multiple of 4", b.Len())
	}
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(b.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != len(entries) {
		t.Fatalf("%d records of %d", len(records), len(entries))
	}
	inodes := map[uint64]bool{}
	for i, r := range records {
		e := entries[i]
		var data []byte
		if r.ReaderAt != nil {
			if data, err = io.ReadAll(io.NewSectionReader(r, 0, int64(r.FileSize))); err != nil {
				t.Fatal(err)
			}
		}
		want := string(e.Data)
		if e.Open != nil {
			want = "abcdef"
		}
		if r.Name != e.Name || r.Mode != uint64(e.Mode) || string(data) != want || r.Rmajor != uint64(e.Major) || r.Rminor != uint64(e.Minor) || r.UID != 0 || r.MTime != cpioEpoch || inodes[r.Ino] {
			t.Errorf("%s: read back as %+v with %q", e.Name, r.Info, data)
		}
		inodes[r.Ino] = true
	}
	if err := writeCPIO(io.Discard, []entry{{Name: "b"}, {Name: "a"}}); err == nil {
		t.Error("unsorted entries are taken: a file could come before its folder")
	}
	short := entry{Name: "short", Mode: modeFile, Size: 9, Open: entries[4].Open}
	if err := writeCPIO(io.Discard, []entry{short}); err == nil || !strings.Contains(err.Error(), "6 of 9") {
		t.Errorf("a file that shrank: %v", err)
	}
}

const dep = `kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko: kernel/drivers/ptp/ptp.ko
kernel/drivers/ptp/ptp.ko: kernel/drivers/pps/pps_core.ko
kernel/drivers/pps/pps_core.ko:
kernel/sound/snd.ko:
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko
kernel/fs/jbd2/jbd2.ko:
kernel/drivers/scsi/lpfc/lpfc.ko:
`

func TestModuleClosure(t *testing.T) {
	deps, err := modulesDep(dep)
	if err != nil {
		t.Fatal(err)
	}
	got, err := moduleClosure(deps, moduleWanted)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko", "kernel/drivers/pps/pps_core.ko", "kernel/drivers/ptp/ptp.ko",
		"kernel/fs/ext4/ext4.ko", "kernel/fs/jbd2/jbd2.ko",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("picked (-want +got):\n%s", d)
	}
	delete(deps, "kernel/fs/jbd2/jbd2.ko")
	if _, err := moduleClosure(deps, moduleWanted); err == nil || !strings.Contains(err.Error(), "needs kernel/fs/jbd2/jbd2.ko") {
		t.Errorf("a missing module: %v", err)
	}
	for _, bad := range []string{"kernel/../../etc/passwd:\n", "no colon\n", "/kernel/a.ko:\n"} {
		if _, err := modulesDep(bad); err == nil {
			t.Errorf("%q is taken for a dependency", bad)
		}
	}
}

// fakeRoot is a root with what fillInitramfs takes, the programs being scripts.
func fakeRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{"etc/mke2fs.conf": "[defaults]\n"}
	for _, p := range programs() {
		files[p] = "#!/bin/sh\n"
	}
	const dir = "usr/lib/modules/6.1.0-1-amd64/"
	for line := range strings.Lines(dep) {
		name, _, _ := strings.Cut(line, ":")
		files[dir+name] = "module " + name
	}
	files[dir+"modules.dep"] = dep
	files[dir+"modules.alias"] = "# Aliases\nalias pci:v8086 e1000e\nalias pci:v10DF lpfc\n"
	write(t, root, files)
	mkfs := filepath.Join(root, "usr/sbin/mkfs.vfat")
	if err := os.Remove(mkfs); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("mkfs.fat", mkfs); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestBaseAndInitrd(t *testing.T) {
	root, folder := fakeRoot(t), t.TempDir()
	if err := writeBase(folder, root, root, root, "6.1.0-1-amd64", []string{"sh", "wget", "blkid", "busybox", "../evil"}); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(folder, BaseFile)
	if err := writeInitrd(folder, base, []byte("the installer")); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	files := unpack(t, first)
	for name, want := range map[string]string{
		"bin": "usr/bin", "lib64": "usr/lib64", "usr/bin/sh": "busybox", "usr/bin/wget": "busybox",
		"usr/sbin/mkfs.vfat": "mkfs.fat", "etc/mke2fs.conf": "[defaults]\n",
		"usr/lib/modules/6.1.0-1-amd64/kernel/fs/ext4/ext4.ko": "module kernel/fs/ext4/ext4.ko",
		"usr/lib/modules/6.1.0-1-amd64/modules.alias":          "alias pci:v8086 e1000e\n",
	} {
		if got, ok := files[name]; !ok || got != want {
			t.Errorf("%s is %q (there: %v), want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"usr/bin/blkid", "usr/bin/../evil", "evil", "usr/lib/modules/6.1.0-1-amd64/kernel/sound/snd.ko", "init"} {
		if _, ok := files[name]; ok {
			t.Errorf("%s shouldn't be there", name)
		}
	}
	if strings.Contains(files["usr/lib/modules/6.1.0-1-amd64/modules.dep"], "snd") {
		t.Error("modules.dep names a module that was left out")
	}
	// The second segment begins on a multiple of 4 behind the first.
	whole, err := os.ReadFile(filepath.Join(folder, InitrdFile))
	if err != nil {
		t.Fatal(err)
	}
	at := (len(first) + 3) / 4 * 4
	if !bytes.Equal(whole[:len(first)], first) || unpack(t, whole[at:])["init"] != "the installer" {
		t.Error("the initrd isn't the base and then /init")
	}
	again := t.TempDir()
	if err := writeBase(again, root, root, root, "6.1.0-1-amd64", []string{"wget", "sh", "blkid"}); err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(filepath.Join(again, BaseFile)); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the same root made another initramfs (%v)", err)
	}
}

func unpack(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, r := range records {
		b, err := io.ReadAll(io.NewSectionReader(r, 0, int64(r.FileSize)))
		if err != nil {
			t.Fatal(err)
		}
		files[r.Name] = string(b)
	}
	return files
}

func TestTreeLibraries(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"usr/lib/x86_64-linux-gnu/ld.so": "loader", "usr/lib/libz.so.1.2": "library"})
	for name, target := range map[string]string{"usr/lib/libz.so.1": "libz.so.1.2", "usr/lib/loop": "loop", "usr/lib/out": "../../../../../../etc/passwd", "usr/lib/abs": "/lib/x86_64-linux-gnu/ld.so"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tr := newTree(r)
	if err := tr.library("prog", "libz.so.1"); err != nil {
		t.Fatal(err)
	}
	if !tr.has("usr/lib/libz.so.1") || !tr.has("usr/lib/libz.so.1.2") {
		t.Errorf("a library's link or its file is missing: %v", tr.sorted())
	}
	if data, err := tr.copyFile("usr/lib/abs"); err != nil || string(data) != "loader" {
		t.Errorf("a link with an absolute target: %q, %v", data, err)
	}
	for _, bad := range []string{"usr/lib/loop", "usr/lib/out", "usr/lib"} {
		if _, err := tr.copyFile(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if err := tr.library("prog", "libnone.so"); err == nil || !strings.Contains(err.Error(), "prog needs the library libnone.so") {
		t.Errorf("a missing library: %v", err)
	}
}
