package image

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/config/file"
)

// TestImportBombs: a tar that is small and becomes large is refused before it fills
// memory or disk, and nothing of it stays.
func TestImportBombs(t *testing.T) {
	sh := tarred{name: "bin/sh", text: "#!"}
	zeros := tarred{name: "zeros", text: strings.Repeat("\x00", 3<<20)}
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"zeros, packed", "--max-size", packed(t, "zstd", makeTar(t, []tarred{sh, zeros}))},
		{"zeros in many files", "--max-size", makeTar(t, []tarred{sh, {name: "a", text: strings.Repeat("a", 600<<10)}, {name: "b", text: strings.Repeat("b", 600<<10)}})},
		{"one name, again and again", "--max-size", makeTar(t, []tarred{sh, {name: "a", text: strings.Repeat("a", 600<<10)}, {name: "a", text: strings.Repeat("b", 600<<10)}})},
		{"a hole of 8 TiB", "--max-size", sparseTar(8 << 40)},
		{"an attribute of 65 KiB", "extended attribute", makeTar(t, []tarred{sh, {name: "x", records: map[string]string{xattrPrefix + "user.x": strings.Repeat("x", 65<<10)}}})},
		{"an attribute's long name", "extended attribute", makeTar(t, []tarred{sh, {name: "x", records: map[string]string{xattrPrefix + "user." + strings.Repeat("x", 300): "x"}}})},
		{"deep folders", "below more than", makeTar(t, []tarred{sh, {name: strings.Repeat("d/", 200) + "x"}})},
		{"a link to a long path", "link to a path of 5000", makeTar(t, []tarred{sh, {name: "l", kind: tar.TypeSymlink, link: strings.Repeat("x", 5000)}})},
		{"a long path", "leads out of the root", makeTar(t, []tarred{sh, {name: strings.Repeat("x", 5000)}})},
		{"a header of 2 MiB", "too long", paxTar(2 << 20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			fakeTools(t, dir)
			name := filepath.Join(t.TempDir(), "root.tar")
			if err := os.WriteFile(name, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Import(t.Context(), Options{Name: "mine", Dir: dir, Installer: []byte("i")}, ImportOptions{File: name, MaxSize: 1 << 20})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, buildPrefix+"*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// sparseTar is a tar of one file that is a hole (the old GNU format, tar.5).
func sparseTar(size uint64) []byte {
	b := make([]byte, 3*512)
	copy(b, "hole")
	for at, text := range map[int]string{100: "0000644", 108: "0000000", 116: "0000000", 124: "00000000000", 136: "00000000000", 257: "ustar  "} {
		copy(b[at:], text)
	}
	b[156] = tar.TypeGNUSparse
	for _, at := range []int{386, 483} { // the offset of the only data, and the real size
		b[at] = 0x80
		binary.BigEndian.PutUint64(b[at+4:], size)
	}
	copy(b[398:], "00000000000")
	signHeaders(b)
	return b
}

// paxTar begins with an extended header of so many bytes.
func paxTar(size int) []byte {
	b := make([]byte, 512, 512+size)
	copy(b, "x")
	for at, text := range map[int]string{100: "0000644", 108: "0000000", 116: "0000000", 124: fmt.Sprintf("%011o", size), 136: "00000000000", 257: "ustar\x0000"} {
		copy(b[at:], text)
	}
	b[156] = tar.TypeXHeader
	signHeaders(b)
	return append(b, bytes.Repeat([]byte("x"), size)...)
}

// TestImportMemory: many small headers, and headers that stand for no file.
func TestImportMemory(t *testing.T) {
	var many []tarred
	for i := range 100 {
		many = append(many, tarred{name: fmt.Sprint(i), records: map[string]string{xattrPrefix + "user.x": strings.Repeat("x", 1000)}})
	}
	_, err := readRootTar(t.Context(), bytes.NewReader(makeTar(t, many)), &memory{}, limits{1 << 20, 1 << 20, 50_000})
	if err == nil || !strings.Contains(err.Error(), "of memory") {
		t.Errorf("got %v", err)
	}
	global := bytes.Repeat(globalHeader(t), 2000)
	if _, err := readRootTar(t.Context(), bytes.NewReader(global), &memory{}, limits{1 << 20, 1 << 19, 1 << 20}); !errors.Is(err, errTooLarge) {
		t.Errorf("headers without a file: %v", err)
	}
	zeros := io.MultiReader(bytes.NewReader(makeTar(t, many[:1])), io.LimitReader(endless{}, 1<<30))
	if _, err := readRootTar(t.Context(), zeros, &memory{}, limits{1 << 20, 1 << 20, 1 << 20}); !errors.Is(err, errTooLarge) {
		t.Errorf("zeros behind the end: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func globalHeader(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestManyLinks: a thousand hard links of one module would be a thousand files.
func TestManyLinks(t *testing.T) {
	list := []tarred{{name: "lib/modules/1/modules.dep"}, {name: "lib/modules/1/m.ko", text: "x"}}
	for i := range 20 {
		list = append(list, tarred{name: fmt.Sprintf("lib/modules/1/%d.ko", i), kind: tar.TypeLink, link: "lib/modules/1/m.ko"})
	}
	root, err := readRootTar(t.Context(), bytes.NewReader(makeTar(t, list)), hole{}, limitsFor(1<<40))
	if err != nil {
		t.Fatal(err)
	}
	root.entries["lib/modules/1/m.ko"].head.Size = maxCopied / 10
	root.copied = maxCopied * 9 / 10
	if err := root.copyModules("1", t.TempDir()); err == nil || !strings.Contains(err.Error(), "more than 8 GiB") {
		t.Errorf("got %v", err)
	}
}

// A hole is a spool in which nothing stays.
type hole struct{}

func (hole) Write(p []byte) (int, error)            { return len(p), nil }
func (hole) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (hole) ReadAt([]byte, int64) (int, error)      { return 0, io.EOF }

func TestImportSize(t *testing.T) {
	dir := t.TempDir()
	free, err := file.Free(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := importSize(dir, 5); err != nil || got != min(5, free/2) {
		t.Errorf("%d, %v", got, err)
	}
	// More than any disk has: the disk is the bound, give or take what others write.
	if got, err := importSize(dir, 1<<60); err != nil || got > free || !strings.Contains(tooLarge(got, 1<<60).Error(), "make room") {
		t.Errorf("%d of %d free, %v", got, free, err)
	}
	if _, err := importSize(filepath.Join(dir, "none"), 5); err == nil {
		t.Error("a folder that isn't there has room")
	}
}
