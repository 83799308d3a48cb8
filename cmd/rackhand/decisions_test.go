package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var decisionHead = regexp.MustCompile(`^# (\d{4}): .+\nDate: \d{4}-\d{2}-\d{2} · Status: (proposed|accepted|replaced by .+)(, .+)?\n\n`)

// TestDecisions: each decision record begins with its number, its date and its status.
func TestDecisions(t *testing.T) {
	for name, text := range documents(t) {
		if filepath.Dir(name) != "docs/decisions" {
			continue
		}
		m := decisionHead.FindStringSubmatch(text)
		if m == nil || !strings.HasPrefix(filepath.Base(name), m[1]+"-") {
			first, _, _ := strings.Cut(text, "\n\n")
			t.Errorf("%s must begin with \"# NNNN: TITLE\" and \"Date: YYYY-MM-DD · Status: accepted\", not with\n%s", name, first)
		}
	}
}
