package installer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"
)

// The appended part is an archive that a library reads. It starts at a multiple of 4 behind
// the existing file.
func TestAddToInitrds(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/boot", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"vmlinuz-6.1-a": "k", "initrd.img-6.1-a": "12345", "vmlinuz-6.2-a": "k", "initrd.img-6.2-a": "1234", "initrd.img-7": "alone"} {
		if err := os.WriteFile(filepath.Join(dir, "boot", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := addToInitrds(root, "/etc/mdadm/mdadm.conf", "ARRAY x\n"); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]int{"initrd.img-6.1-a": 8, "initrd.img-6.2-a": 4} {
		data := readFile(t, filepath.Join(dir, "boot", name))
		if !strings.HasPrefix(data, "1234") || len(data)%4 != 0 {
			t.Errorf("%s: %q", name, data)
		}
		records, err := cpio.ReadAllRecords(cpio.Newc.Reader(strings.NewReader(data[at:])))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records {
			got = append(got, r.Name)
			if r.Name == "etc/mdadm/mdadm.conf" {
				b := make([]byte, r.FileSize)
				if _, err := r.ReadAt(b, 0); string(b) != "ARRAY x\n" {
					t.Errorf("%q, %v", b, err)
				}
			}
		}
		if strings.Join(got, " ") != "etc etc/mdadm etc/mdadm/mdadm.conf" {
			t.Errorf("%s has %v", name, got)
		}
	}
	if readFile(t, dir+"/boot/initrd.img-7") != "alone" {
		t.Error("an initramfs without a kernel was touched")
	}
	if err := os.RemoveAll(dir + "/boot"); err != nil {
		t.Fatal(err)
	}
	if err := addToInitrds(root, "/x", ""); err == nil {
		t.Error("no /boot, no error")
	}
}
