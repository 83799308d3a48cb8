package bootfiles

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFetched: a fetched program is found under its name, an operator's own file comes
// before it, and List reports a changed file.
func TestFetched(t *testing.T) {
	top := t.TempDir()
	folder := filepath.Join(top, "fetched", "arm64")
	own := filepath.Join(top, "own")
	for _, dir := range []string{folder, own} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := Fetched{Processor: "arm64"}
	for _, w := range ARM64() {
		text := "MZ " + w.Name
		sum := sha256.Sum256([]byte(text))
		write(filepath.Join(folder, w.Name), text)
		m.Files = append(m.Files, FetchedFile{Name: w.Name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Package: w.Package})
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(folder, FetchedManifest), string(b))
	f := New([]string{own}).WithFetched(filepath.Join(top, "fetched"))
	entry := func(name string) File {
		t.Helper()
		list, err := f.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.Name == name {
				return e
			}
		}
		t.Fatalf("%s is not listed", name)
		return File{}
	}
	if e := entry("grubaa64.efi"); e.Missing != "" || e.From != "fetched for arm64" || e.Path != filepath.Join(folder, "grubaa64.efi") {
		t.Errorf("%+v", e)
	}
	write(filepath.Join(folder, "grubaa64.efi"), "MZ something else")
	if e := entry("grubaa64.efi"); !strings.Contains(e.Missing, "not what was fetched") || !strings.Contains(e.Missing, "fetch arm64") {
		t.Errorf("after a change: %+v", e)
	}
	write(filepath.Join(own, "grubaa64.efi"), "MZ my own")
	if e := entry("grubaa64.efi"); e.Missing != "" || e.From != "operator" {
		t.Errorf("the operator's own: %+v", e)
	}
	file, _, err := f.Open("grubaa64.efi")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, _ := io.ReadAll(file); string(got) != "MZ my own" {
		t.Errorf("%q", got)
	}
	write(filepath.Join(folder, FetchedManifest), "{")
	if e := entry("shimaa64.efi"); !strings.Contains(e.Missing, "again") {
		t.Errorf("a broken manifest: %+v", e)
	}
}

// FuzzReadFetched: a manifest is read or refused.
func FuzzReadFetched(f *testing.F) {
	for _, s := range []string{`{}`, `{"processor":"arm64","files":[{"name":"a","size":1}]}`, `[`, ``, `{"files":null,"time":"x"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, FetchedManifest), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := ReadFetched(dir); (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
	})
}
