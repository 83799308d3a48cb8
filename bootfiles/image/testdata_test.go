package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fakeImage makes an image of small files that is right in every respect but that
// it doesn't boot.
func fakeImage(t *testing.T, dir, name string) *Manifest {
	t.Helper()
	folder := filepath.Join(dir, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{KernelFile, InitrdFile, BaseFile, PackagesFile, SBOMFile, RootFile} {
		if err := os.WriteFile(filepath.Join(folder, f), []byte("the "+f+" of "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := &Manifest{Name: name, Created: time.Unix(releaseEpoch, 0).UTC(), Release: "bookworm", Arch: arch, Kernel: "6.1.0-1-amd64", Packages: 1, Unpacked: 1}
	if err := measureFiles(t.Context(), folder, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func bookworm() Recipe { return Recipe{Distribution: "debian", Release: "bookworm"} }

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// write makes files below dir; the values are their contents.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// eachFile calls f with every regular file of a tar that is small.
func eachFile(t *testing.T, r io.Reader, f func(name string, data []byte)) {
	t.Helper()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || h.Size > 1<<20 {
			continue
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		f(h.Name, data)
	}
}
