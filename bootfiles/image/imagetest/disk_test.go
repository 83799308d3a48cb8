package imagetest

import (
	"os"
	"path/filepath"
	"testing"
)

// One byte anywhere makes another sum; zeroes that are written where a hole was don't.
func TestDiskSum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	const size = 1<<30 + 512
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := func() string {
		t.Helper()
		s, err := DiskSum(path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write := func(at int64, b byte) {
		t.Helper()
		if _, err := f.WriteAt([]byte{b}, at); err != nil {
			t.Fatal(err)
		}
	}
	empty := sum()
	seen := map[string]int64{empty: -1}
	for _, at := range []int64{0, 511, 64 << 10, 700<<20 + 1, size - 1} {
		write(at, 1)
		s := sum()
		if had, ok := seen[s]; ok {
			t.Errorf("a byte at %d makes the sum of a byte at %d", at, had)
		}
		seen[s] = at
		write(at, 0)
		if sum() != empty {
			t.Errorf("a zero at %d changes the sum", at)
		}
	}
}
