package preview

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/content"
)

// TestSources: any bytes are delivered, by hash where agents of the first format can't be
// given them; what is too large is a problem of `rackhand check`, with its place.
func TestSources(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("rack.yaml", "networks: {rack1: {subnet: 10.77.0.0/24}}\nhosts: {web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11, role: web, install: never}}\n")
	for name, tc := range map[string]struct {
		text, more string
		size       int64 // of the file, made longer without taking room
		hashed     bool
		want       string
	}{
		"all bytes":       {text: string(all), hashed: true},
		"a DER":           {text: "0\x82\x01\n", hashed: true},
		"Latin-1":         {text: "na\xefve\n", hashed: true},
		"text":            {text: "naïve 東京\n"},
		"a zero byte":     {text: "a\x00b"},
		"nothing":         {},
		"long text":       {text: strings.Repeat("x", 1<<20+1), hashed: true},
		"too large":       {text: "x", size: catalog.MaxContent + 1, want: "roles/web.yaml:3:13: source, for host web1: template x: too large: it has more than 1073741824 bytes"},
		"sensitive":       {text: "\xff", more: "    sensitive: true\n", hashed: true},
		"large sensitive": {text: "x", size: catalog.MaxSecret + 1, more: "    sensitive: true\n", want: "it has more than 4 MiB: a sensitive file is held in memory"},
		"not there":       {text: "-", want: "not found in the inventory's templates/ and not built in"},
	} {
		t.Run(name, func(t *testing.T) {
			source := "x"
			if tc.text == "-" {
				source = "y"
			}
			write("templates/x", tc.text)
			write("roles/web.yaml", "resources:\n  - file: /x\n    source: "+source+"\n"+tc.more)
			if tc.size > 0 {
				if err := os.Truncate(filepath.Join(dir, "templates/x"), tc.size); err != nil {
					t.Fatal(err)
				}
			}
			store, err := content.Open(t.TempDir(), catalog.MaxContent, 1<<40, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			checked := Check(dir, nil)
			if tc.want != "" {
				if len(checked.Problems) != 1 || !strings.Contains(checked.Problems[0].String(), tc.want) {
					t.Errorf("%v", checked.Problems)
				}
				return
			}
			if len(checked.Problems) > 0 {
				t.Fatal(checked.Problems)
			}
			c := Try(dir, nil, store)
			m, err := c.Roles.Compile(c.Snapshot.Hosts["web1"], "", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			f := m.Catalog.Resources[0].File
			if tc.hashed != (f.SHA256 != "") || !tc.hashed && f.Content != tc.text {
				t.Fatalf("%+.100v", f)
			}
			if !tc.hashed {
				return
			}
			b, err := os.ReadFile(store.Path(f.SHA256))
			if err != nil || string(b) != tc.text || f.SHA256 != catalog.Sum(tc.text) || f.Size != int64(len(tc.text)) || len(c.Roles.Contents()) != 1 {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}
