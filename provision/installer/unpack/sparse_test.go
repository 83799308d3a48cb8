package unpack

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/installer/fake"
)

func sameDataRanges(a, b [][2]int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func extractStream(t *testing.T, dir string, r io.Reader) error {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	return decompress(r, func(r io.Reader) error { _, err := ExtractTar(root, r, false); return err })
}

// Sparse files in each of the forms in which GNU tar writes them, made by it.
func TestSparseForms(t *testing.T) {
	files, err := filepath.Glob("testdata/sparse/*.tar.gz")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	disk := make([]byte, 3<<20)
	copy(disk[200704:], "one island")
	copy(disk[1<<20:], strings.Repeat("another", 10))
	end := make([]byte, 1<<20)
	copy(end[len(end)-4:], "tail")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			dir := t.TempDir()
			if err := extractStream(t, dir, f); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string][]byte{"disk": disk, "hole": make([]byte, 1<<20), "end": end, "full": []byte("no hole here")} {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes, %v", name, len(got), err)
				}
			}
			if got := fake.DataRanges(t, filepath.Join(dir, "disk")); !sameDataRanges(got, [][2]int64{{200704, 204800}, {1 << 20, 1<<20 + 4096}}) {
				t.Errorf("the disk's data: %v", got)
			}
			if got := fake.DataRanges(t, filepath.Join(dir, "hole")); len(got) != 0 {
				t.Errorf("the hole's data: %v", got)
			}
		})
	}
}

func fillTar(t *testing.T, files map[string][]byte) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// Zeros of a file that isn't sparse in the tar become holes where there are many,
// and never in a swap file.
func TestZeros(t *testing.T) {
	const k = 1 << 10
	zeros := func(n int) []byte { return make([]byte, n) }
	data := func(n int) []byte { return bytes.Repeat([]byte("d"), n) }
	swap := zeros(512 * k)
	copy(swap[4086:], "SWAPSPACE2")
	files := map[string][]byte{
		"zeros":   zeros(512 * k),
		"few":     bytes.Join([][]byte{data(60 * k), zeros(8 * k), data(60 * k)}, nil),
		"middle":  bytes.Join([][]byte{data(64 * k), zeros(192 * k), data(1)}, nil),
		"tail":    bytes.Join([][]byte{data(256*k + 1), zeros(300 * k)}, nil),
		"chunks":  bytes.Join([][]byte{data(100 * k), zeros(1000 * k), data(100 * k), zeros(1)}, nil),
		"swap":    swap,
		"nothing": {},
		"one":     {0},
	}
	want := map[string][][2]int64{
		"zeros": nil, "few": {{0, 128 * k}}, "middle": {{0, 64 * k}, {256 * k, 256*k + 1}},
		"tail": {{0, 320 * k}}, "swap": {{0, 512 * k}}, "nothing": nil, "one": nil,
		"chunks": {{0, 128 * k}, {1088 * k, 1200*k + 1}},
	}
	dir := t.TempDir()
	if err := extractStream(t, dir, fillTar(t, files)); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(data), err)
		}
		if got := fake.DataRanges(t, filepath.Join(dir, name)); !sameDataRanges(got, want[name]) {
			t.Errorf("%s: its data is at %v, want %v", name, got, want[name])
		}
	}
}

// Holes take no room, so a full disk doesn't end an image of nothing but zeros.
func TestTooManyZeros(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := &extractor{buf: make([]byte, fillSize), holes: 100_000}
	if err := x.fill(int(f.Fd()), 100_000, zeroUnit, bytes.NewReader(make([]byte, 100_000))); err != nil {
		t.Error(err)
	}
	if err := x.fill(int(f.Fd()), 1, zeroUnit, bytes.NewReader(make([]byte, 1))); err == nil || !strings.Contains(err.Error(), "more than 2 TB of zeros") {
		t.Errorf("got %v", err)
	}
}

func FuzzCutData(f *testing.F) {
	f.Add([]byte("\x00\x00\x00d"), 2)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, b []byte, unit int) {
		if unit < 0 || unit > 1<<20 {
			return
		}
		for rest := b; len(rest) > 0; {
			data, hole := cutData(rest, unit)
			if data < 0 || hole < 0 || data+hole == 0 || data+hole > len(rest) {
				t.Fatalf("%d of data, %d of hole in %d", data, hole, len(rest))
			}
			if len(bytes.Trim(rest[data:data+hole], "\x00")) > 0 {
				t.Fatal("data became a hole")
			}
			rest = rest[data+hole:]
		}
	})
}
