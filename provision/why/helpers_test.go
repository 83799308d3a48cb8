package why

import (
	"slices"
	"testing"
)

// more is a journal with more lines.
func more(journal []string, lines ...string) []string { return slices.Concat(journal, lines) }

func TestSentence(t *testing.T) {
	for message, want := range map[string]string{
		"the box is off":                "The box is off.",
		"web1 is off.":                  "web1 is off.",
		"10.77.0.11 asked":              "10.77.0.11 asked.",
		"http://x/ answers":             "http://x/ answers.",
		"Twice":                         "Twice.",
		"":                              "",
		" after 1m0s it does not serve": "After 1m0s it does not serve.",
	} {
		if got := sentence(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}
