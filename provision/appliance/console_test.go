package appliance

import "testing"

// TestPlain: a console's text without what only a terminal needs.
func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"\x1b[1;31mKernel panic\x1b[0m - not syncing\r\n": "Kernel panic - not syncing\n",
		"\x1b]0;root@web1\x07login: \x1b(B\x1b=":          "login: ",
		"10 %\r20 %\r30 %\n":                              "10 %\n20 %\n30 %\n",
		"a\tb\x00\x08c\x7f":                               "a\tbc",
		"\x1b[2J\x1b[01;01H\x1b[=3hPress F2":              "Press F2",
		"\x1b":                                            "",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
