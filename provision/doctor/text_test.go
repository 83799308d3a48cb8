package doctor

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestRowFits: on a terminal a finding and its hint stay within the columns, below their level.
func TestRowFits(t *testing.T) {
	var b strings.Builder
	writeFindings(&b, []Finding{{Level: Note, Text: strings.Repeat("word ", 30), Hint: strings.Repeat("hint ", 30)}}, 80)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines:\n%s", len(lines), b.String())
	}
	for i, line := range lines {
		if utf8.RuneCountInString(line) > 80 || i > 0 && !strings.HasPrefix(line, strings.Repeat(" ", levelWidth)) {
			t.Errorf("%q", line)
		}
	}
}
