package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	got := Table{
		Head:   []string{"server", "DORA/s", "ratio"},
		Rows:   [][]string{{"rackhand", "18,000", "1.50 ×"}, {"Kea 2.2", "9", "1"}},
		Legend: []string{"One.", "Two."},
	}.Markdown()
	want := `| server   | DORA/s |  ratio |
|----------|-------:|-------:|
| rackhand | 18,000 | 1.50 × |
| Kea 2.2  |      9 |      1 |

One.

Two.
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 4}, 4}, {[]float64{1, 9, 4, 2}, 3}} {
		if got := Median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestRewrite(t *testing.T) {
	const doc = "# Title\n<!-- bench dhcp -->\nold\n<!-- end dhcp -->\n\n<!-- bench http -->\n<!-- end http -->\nend\n"
	got, err := Rewrite(doc, "dhcp", "\n| new |\n")
	if err != nil {
		t.Fatal(err)
	}
	want := "# Title\n<!-- bench dhcp -->\n\n| new |\n\n<!-- end dhcp -->\n\n<!-- bench http -->\n<!-- end http -->\nend\n"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if again, err := Rewrite(got, "dhcp", "| new |"); err != nil || again != got {
		t.Errorf("a second time it changes: %q, %v", again, err)
	}
	for _, c := range []struct{ name, document string }{
		{"tftp", doc},
		{"dhcp", doc + doc},
		{"dhcp", "<!-- end dhcp -->\n<!-- bench dhcp -->\n"},
	} {
		if out, err := Rewrite(c.document, c.name, "x"); err == nil || out != "" {
			t.Errorf("%s in %q: no error", c.name, c.document)
		}
	}
}

func TestRewriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	if err := RewriteFile(path, "dhcp", "x"); err == nil || !strings.Contains(err.Error(), "docs/performance.md") {
		t.Errorf("no such file: %v", err)
	}
	if err := os.WriteFile(path, []byte("<!-- bench dhcp -->\n<!-- end dhcp -->\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := RewriteFile(path, "dhcp", "x"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "<!-- bench dhcp -->\n\nx\n\n<!-- end dhcp -->\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestPerformanceDocument checks that the shipped document has a place for each table.
func TestPerformanceDocument(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"machine", "path", "dhcp", "http", "tftp"} {
		if _, err := Rewrite(string(b), name, "x"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
