package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The kept part of the tools' packages makes the same initramfs as all of them.
func TestToolsKept(t *testing.T) {
	full, kept := fakeRoot(t), filepath.Join(t.TempDir(), "kept")
	write(t, full, map[string]string{"usr/bin/perl": "large"})
	gather := func(dir string) *tree {
		t.Helper()
		r, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		tr := newTree(r)
		if err := fillTools(tr, []string{"sh", "wget"}); err != nil {
			t.Fatal(err)
		}
		return tr
	}
	bare := newTree(gather(full).root)
	if err := fillTools(bare, nil); err != nil {
		t.Fatal(err)
	}
	if err := writeTree(kept, bare.sorted()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(gather(full).sorted(), gather(kept).sorted()); d != "" {
		t.Errorf("(-all +kept):\n%s", d)
	}
	if _, err := os.Stat(filepath.Join(kept, "usr/bin/perl")); !os.IsNotExist(err) {
		t.Errorf("Perl is kept: %v", err)
	}
}

// Tools of another version of the program go once new ones are wanted.
func TestToolsPlace(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".tools-0123/applets": "sh", "debian12/manifest.json": "{}"})
	if err := removeOld(dir, ".tools-"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".tools-0123")); !os.IsNotExist(err) {
		t.Errorf("old tools are still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "debian12")); err != nil {
		t.Errorf("an image went with them: %v", err)
	}
	if place := toolsPlace(dir); filepath.Dir(place) != dir || !strings.HasPrefix(filepath.Base(place), ".tools-") || CheckName(filepath.Base(place)) == nil {
		t.Errorf("the tools lie in %s", place)
	}
}
