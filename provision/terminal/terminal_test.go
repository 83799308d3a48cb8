package terminal

import (
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"rackhand/config/visible"
)

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		text         string
		first, width int
		want         []string
	}{
		{"", 0, 10, []string{""}},
		{"one two three", 0, 0, []string{"one two three"}},
		{"one two three", 0, 7, []string{"one two", "three"}},
		{"one two three", 4, 7, []string{"one", "two", "three"}},
		{"one two three", 7, 7, []string{"", "one two", "three"}},
		{"averylongword x", 0, 5, []string{"averylongword", "x"}},
		{"run `rackhand set a b` now", 0, 20, []string{"run", "`rackhand set a b`", "now"}},
		{"run `rackhand set a b` now", 0, 12, []string{"run", "`rackhand", "set a b` now"}},
		{"an odd ` backquote", 0, 9, []string{"an odd `", "backquote"}},
		{"größer größer", 0, 13, []string{"größer größer"}},
	} {
		if diff := cmp.Diff(tc.want, Wrap(tc.text, tc.first, tc.width)); diff != "" {
			t.Errorf("%q from %d in %d (-want +got):\n%s", tc.text, tc.first, tc.width, diff)
		}
	}
}

// FuzzWrap: no word is lost, and no line is too long but one of a single piece.
func FuzzWrap(f *testing.F) {
	f.Add("run `rackhand set a b` now", 3, 20)
	f.Fuzz(func(t *testing.T, text string, first, width int) {
		first, width = max(first%100, 0), max(width%100, 0)
		lines := Wrap(text, first, width)
		if got, want := strings.Fields(strings.Join(lines, " ")), strings.Fields(text); !cmp.Equal(got, want) {
			t.Errorf("%q became %q", want, got)
		}
		for i, l := range lines {
			at := 0
			if i == 0 {
				at = first
			}
			if n := utf8.RuneCountInString(l); width > 0 && l != "" && at+n > width && len(words(l, width)) > 1 {
				t.Errorf("line %d of %q, from %d, is too long for %d", i, lines, at, width)
			}
		}
	})
}

func sample() *Table {
	table := &Table{Head: []string{"HOST", "STAGE", "LAST"}, Narrow: true}
	table.Add("web1", "rescue: installer", "short")
	table.Add("web10", "", strings.Repeat("a long text ", 8))
	table.Rows = append(table.Rows, Row{
		Cells: []Cell{{Text: "web2"}, {Text: "failed", Style: Bad}, {}},
		Below: []Cell{{Text: "the disk carries data \x1b[31m; " + strings.Repeat("x ", 30) + "`rackhand install web2 --wipe`", Style: Warn}},
	})
	return table
}

// TestWideColumn: a last column with enough room breaks its own texts.
func TestWideColumn(t *testing.T) {
	table := &Table{Narrow: true}
	table.Add("base", strings.Repeat("word ", 20))
	table.Add("nginx", "short")
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "base   " + strings.TrimSpace(strings.Repeat("word ", 14)) + "\n       " + strings.TrimSpace(strings.Repeat("word ", 6)) + "\nnginx  short\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Without a terminal a row is a line.
	b.Reset()
	table.Narrow = false
	if err := table.Write(&b); err != nil || strings.Count(b.String(), "\n") != 2 {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	w := New(&b, func(string) string { return "" })
	if err := sample().Write(w); err != nil {
		t.Fatal(err)
	}
	want := `HOST   STAGE              LAST
web1   rescue: installer  short
web10
    a long text a long text a long text a long text a long text a long text a
    long text a long text
web2   failed
    the disk carries data \x1b[31m; x x x x x x x x x x x x x x x x x x x x x x
    x x x x x x x x ` + "`rackhand install web2 --wipe`\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTerminal: a terminal gets colours and its own width; NO_COLOR, TERM=dumb and a file
// have no colours.
func TestTerminal(t *testing.T) {
	for _, tc := range []struct {
		env     map[string]string
		columns uint16
		colour  bool
		width   int
	}{
		{nil, 100, true, 100},
		{nil, 20, true, leastWidth},
		{nil, 0, true, usualWidth},
		{map[string]string{"NO_COLOR": "1"}, 100, false, 100},
		{map[string]string{"NO_COLOR": ""}, 100, true, 100}, // empty counts as absent
		{map[string]string{"TERM": "dumb"}, 100, false, 100},
	} {
		control, tty, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := pty.Setsize(control, &pty.Winsize{Rows: 24, Cols: tc.columns}); err != nil {
			t.Fatal(err)
		}
		w := New(tty, func(name string) string { return tc.env[name] })
		if Width(w) != tc.width || Columns(w) != tc.width {
			t.Errorf("%v: %d and %d columns, want %d", tc, Width(w), Columns(w), tc.width)
		}
		if err := Paint(w, Bad, "a\x1b[1m"); err != nil {
			t.Fatal(err)
		}
		want := `a\x1b[1m`
		if tc.colour {
			want = "\x1b[31m" + want + "\x1b[0m"
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(control, got); err != nil || string(got) != want {
			t.Errorf("%v: %q, want %q (%v)", tc, got, want, err)
		}
		tty.Close()
		control.Close()
	}
}

func TestNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := New(f, func(string) string { return "" })
	if Columns(w) != 0 || Width(w) != usualWidth || Width(&visible.Writer{}) != usualWidth {
		t.Error(Columns(w), Width(w))
	}
	if err := Paint(w, Bad, "plain"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(f.Name()); string(b) != "plain" || err != nil {
		t.Errorf("%q %v", b, err)
	}
}
