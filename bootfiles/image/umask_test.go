package image

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The umask of the process that builds an image doesn't change the image.
func TestUmask(t *testing.T) {
	file := filepath.Join(t.TempDir(), "root.tar")
	if err := os.WriteFile(file, makeTar(t, wholeRoot(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	made := func(umask int) (files map[string]File, modes map[string]fs.FileMode) {
		dir, root := t.TempDir(), t.TempDir()
		fakeTools(t, dir)
		write(t, root, map[string]string{"etc/hostname": "builder", "etc/selinux/config": "enforcing"})
		defer syscall.Umask(syscall.Umask(umask))
		m, err := Import(t.Context(), Options{Name: "mine", Dir: dir, Installer: []byte("the installer")}, ImportOptions{File: file})
		if err != nil {
			t.Fatal(err)
		}
		r := Recipe{Distribution: "rocky", Release: "10"}
		for _, step := range []func() error{
			func() error { return putOverlay(r, root) },
			func() error { return placeDatabase(r, root) },
			func() error { return finish(root, r) },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		modes = map[string]fs.FileMode{}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			modes[path[len(root):]] = info.Mode()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return m.Files, modes
	}
	files, modes := made(0o022)
	strictFiles, strictModes := made(0o077)
	if d := cmp.Diff(files, strictFiles); d != "" {
		t.Errorf("a strict umask makes another image (-022 +077):\n%s", d)
	}
	if d := cmp.Diff(modes, strictModes); d != "" {
		t.Errorf("a strict umask makes other modes (-022 +077):\n%s", d)
	}
	if modes["/etc/hosts"] != 0o644 || modes["/var/lib/rpm"]&fs.ModeSymlink == 0 {
		t.Errorf("the root has %v", modes)
	}
}
