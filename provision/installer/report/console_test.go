package report

import (
	"slices"
	"strings"
	"testing"
)

func TestLineWriter(t *testing.T) {
	var got []string
	w := &LineWriter{Line: func(s string) { got = append(got, s) }}
	for _, s := range []string{"a\r\nb", "c\n\n", strings.Repeat("x", 9000), "\nend"} {
		_, _ = w.Write([]byte(s))
	}
	w.End()
	want := []string{"a", "bc", "", strings.Repeat("x", 4096), strings.Repeat("x", 4096), strings.Repeat("x", 808), "end"}
	if !slices.Equal(got, want) {
		t.Errorf("got %d lines %.100q", len(got), got)
	}
}
