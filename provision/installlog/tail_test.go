package installlog

import (
	"fmt"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	long := strings.Repeat("é", 4000)
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "line %d\n", i)
	}
	for _, tc := range []struct {
		name, log   string
		n           int
		first, last string // prefixes
	}{
		{"no log", "", 0, "", ""},
		{"one line", "a\n", 1, "a", "a"},
		{"a line that is under way", "a\nb", 2, "a", "b"},
		{"many", many.String(), TailLines, "line 4988", "line 4999"},
		{"a line too long", "a\n" + long + "\n", 1, "éé", "éé"},
		{"a line too long before", long + "\nb\n", 1, "b", "b"},
		{"only as many as fit", strings.Repeat(strings.Repeat("x", 400)+"\n", 9), 3, "xx", "xx"},
		{"no line feed at all", strings.Repeat("y", 100000), 1, "yy", "yy"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := New(t.TempDir())
			defer s.Close()
			if tc.log != "" {
				if err := s.Append("web1-1", tc.log); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.Size("web1-1"); got != int64(len(tc.log)) {
				t.Errorf("size %d", got)
			}
			got, err := s.Tail("web1-1")
			if err != nil || len(got) != tc.n {
				t.Fatalf("%q, %v", got, err)
			}
			if n := len(strings.Join(got, "\n")); n > TailBytes {
				t.Errorf("%d bytes", n)
			}
			if tc.n > 0 && (!strings.HasPrefix(got[0], tc.first) || !strings.HasPrefix(got[len(got)-1], tc.last)) {
				t.Errorf("%q", got)
			}
		})
	}
}
