//go:build e2e

package rehearse_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/bootfiles/image/imagetest"
)

func digest(t *testing.T, disk string) string {
	t.Helper()
	sum, err := imagetest.DiskSum(disk)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// spoiledImage copies the image debian12 and changes its root in the last bytes:
// everything unpacks, and only the checksum differs.
func spoiledImage(t *testing.T, images string) string {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(images, imagetest.Name), filepath.Join(dir, imagetest.Name)
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatalf("%v: build the image with `make image`", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(f.Name(), "root.tar") {
			b[len(b)-1] ^= 1
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
