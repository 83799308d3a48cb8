package unpack

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var tarTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func makeTar(t *testing.T, entries ...tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		body := ""
		if h.Typeflag == tar.TypeReg {
			body = "body of " + h.Name
		}
		if h.Typeflag != tar.TypeXGlobalHeader {
			h.Size, h.ModTime = int64(len(body)), tarTime
			if h.Mode == 0 {
				h.Mode = 0o755
			}
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func extractInto(t *testing.T, dir string, entries ...tar.Header) error {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	_, err = ExtractTar(root, makeTar(t, entries...), false)
	return err
}

func TestExtract(t *testing.T) {
	dir := t.TempDir()
	err := extractInto(t, dir,
		tar.Header{Name: "./", Typeflag: tar.TypeDir},
		tar.Header{Name: "./usr/", Typeflag: tar.TypeDir, Mode: 0o555}, // read-only, and filled below
		tar.Header{Name: "./usr/a", Typeflag: tar.TypeReg, Mode: 0o4755},
		tar.Header{Name: "./usr/b", Typeflag: tar.TypeLink, Linkname: "./usr/a"},
		tar.Header{Name: "./bin", Typeflag: tar.TypeSymlink, Linkname: "usr"},
		tar.Header{Name: "./abs", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		tar.Header{Name: "./up", Typeflag: tar.TypeSymlink, Linkname: "../../../etc/passwd"},
		tar.Header{Name: "bin/c", Typeflag: tar.TypeReg}, // through a link that stays inside
		tar.Header{Name: "no/entry/for/this", Typeflag: tar.TypeReg},
		tar.Header{Name: "fifo", Typeflag: tar.TypeFifo, Mode: 0o600},
		tar.Header{Name: "twice", Typeflag: tar.TypeReg, Mode: 0o600},
		tar.Header{Name: "twice", Typeflag: tar.TypeReg, Mode: 0o640},
		tar.Header{Name: "abs", Typeflag: tar.TypeReg}, // replaces the link, doesn't follow it
	)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(dir, "usr/a"))
	if err != nil || st.Mode()&os.ModeSetuid == 0 || !st.ModTime().Equal(tarTime) {
		t.Errorf("usr/a: %v, %v", st, err)
	}
	for name, want := range map[string]string{
		"usr/a": "body of ./usr/a", "usr/b": "body of ./usr/a", "usr/c": "body of bin/c",
		"no/entry/for/this": "body of no/entry/for/this", "abs": "body of abs", "twice": "body of twice",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if link, err := os.Readlink(filepath.Join(dir, "up")); err != nil || link != "../../../etc/passwd" {
		t.Errorf("up: %q, %v: a link's text is the system's own business", link, err)
	}
	if st, err := os.Stat(filepath.Join(dir, "usr")); err != nil || st.Mode().Perm() != 0o555 || !st.ModTime().Equal(tarTime) {
		t.Errorf("usr: %v, %v", st, err)
	}
	_ = os.Chmod(filepath.Join(dir, "usr"), 0o755) // so that it can be removed
}

// Nothing in a tar may write outside of the target.
func TestExtractStaysInside(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"dots":              {{Name: "../evil", Typeflag: tar.TypeReg}},
		"dots within":       {{Name: "a/../../evil", Typeflag: tar.TypeReg}},
		"through a link":    {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "l/evil", Typeflag: tar.TypeReg}},
		"through abs link":  {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "OUTSIDE"}, {Name: "l/evil", Typeflag: tar.TypeReg}},
		"deep link":         {{Name: "a/l", Typeflag: tar.TypeSymlink, Linkname: "../.."}, {Name: "a/l/evil", Typeflag: tar.TypeReg}},
		"dir over a link":   {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "OUTSIDE"}, {Name: "l", Typeflag: tar.TypeDir}},
		"hard link out":     {{Name: "h", Typeflag: tar.TypeLink, Linkname: "../victim"}},
		"in a fifo":         {{Name: "f", Typeflag: tar.TypeFifo}, {Name: "f/evil", Typeflag: tar.TypeReg}},
		"link in a fifo":    {{Name: "f", Typeflag: tar.TypeFifo}, {Name: "h", Typeflag: tar.TypeLink, Linkname: "f/victim"}},
		"folder over fifo":  {{Name: "f", Typeflag: tar.TypeFifo}, {Name: "f", Typeflag: tar.TypeDir}},
		"file over folder":  {{Name: "d", Typeflag: tar.TypeDir}, {Name: "d", Typeflag: tar.TypeReg}},
		"root is a link":    {{Name: "./", Typeflag: tar.TypeSymlink, Linkname: "/"}},
		"long path":         {{Name: strings.Repeat("a/", 3000), Typeflag: tar.TypeDir}},
		"long name":         {{Name: strings.Repeat("a", 300), Typeflag: tar.TypeReg}},
		"hard link by link": {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "h", Typeflag: tar.TypeLink, Linkname: "l/victim"}},
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			dir := filepath.Join(outside, "target")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(outside, "victim"), []byte("v"), 0o600); err != nil {
				t.Fatal(err)
			}
			for i := range entries {
				entries[i].Linkname = strings.Replace(entries[i].Linkname, "OUTSIDE", outside, 1)
			}
			if err := extractInto(t, dir, entries...); err == nil {
				t.Error("it was unpacked")
			}
			if _, err := os.Lstat(filepath.Join(outside, "evil")); err == nil {
				t.Error("a file lies outside of the target")
			}
			if _, err := os.Lstat(filepath.Join(dir, "h")); err == nil {
				t.Error("a file from outside is linked into the target")
			}
		})
	}
}

func TestExtractAbsoluteNames(t *testing.T) {
	dir := t.TempDir()
	if err := extractInto(t, dir, tar.Header{Name: "/etc/x", Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "etc/x")); err != nil {
		t.Error(err)
	}
}

// Entries that aren't files of the image are skipped: the comment that git archive
// writes.
func TestExtractGlobalHeader(t *testing.T) {
	dir := t.TempDir()
	err := extractInto(t, dir,
		tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}},
		tar.Header{Name: "a", Typeflag: tar.TypeReg})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}

// A tar that says the same folder again and again must not fill the memory.
func TestExtractBounds(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for what, x := range map[string]*extractor{
		"of memory":     {kept: maxKept - 50},
		"more than 200": {files: maxEntries},
	} {
		x.root, x.dirName, x.folders = root, "\x00", map[string]folder{}
		err := x.entry(&tar.Header{Name: "d", Typeflag: tar.TypeDir}, nil)
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestExtractNoTar(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, text := range []string{"", "this is no tar", strings.Repeat("x", 2048)} {
		if _, err := ExtractTar(root, strings.NewReader(text), false); err == nil {
			t.Errorf("%.20q was unpacked", text)
		}
	}
}

func FuzzExtract(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "a/l", Typeflag: tar.TypeSymlink, Linkname: "../.."})
	_ = w.WriteHeader(&tar.Header{Name: "a/l/evil", Typeflag: tar.TypeReg})
	_ = w.Close()
	f.Add(b.Bytes())
	files, _ := filepath.Glob("testdata/sparse/*.tar.gz")
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			f.Fatal(err)
		}
		err = decompress(file, func(r io.Reader) error {
			data, err := io.ReadAll(r)
			f.Add(data)
			return err
		})
		_ = file.Close()
		if err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		outside := t.TempDir()
		dir := filepath.Join(outside, "target")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		x := newExtractor(root, false)
		x.holes = 1 << 20
		_ = x.unpack(bytes.NewReader(data))
		if names, err := os.ReadDir(outside); err != nil || len(names) != 1 {
			t.Errorf("%v, %v: something lies outside of the target", names, err)
		}
		_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, _ error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(p, 0o755)
			}
			return nil
		})
	})
}
