package image

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each folder of testdata/sources is an /etc/apt; want.golden is the result.
func TestSources(t *testing.T) {
	dirs, err := filepath.Glob("testdata/sources/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			list, err := sourcesIn(dir, "bookworm")
			var got strings.Builder
			for _, s := range list {
				got.WriteString(s.Line() + "\n")
			}
			if err != nil {
				got.WriteString("error: " + err.Error() + "\n")
			}
			golden := filepath.Join(dir, "want.golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func FuzzSources(f *testing.F) {
	f.Add("deb [signed-by=/a arch=amd64] http://m/debian bookworm main")
	f.Add("Types: deb\nURIs: http://m/debian\nSuites: bookworm\nComponents: main\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range append(parseList(text), parseDeb822(text)...) {
			if !fetchable(s.URI) || len(s.Components) == 0 || strings.ContainsAny(s.Line(), "\n\r") && strings.ContainsAny(s.URI+s.Suite, "\n\r") {
				t.Errorf("%q gave %+v", text, s)
			}
		}
	})
}
