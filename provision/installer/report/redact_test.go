package report

import (
	"testing"
)

func TestRedactor(t *testing.T) {
	clean := NewRedactor("hunter22", "hunter2", "ab").Clean
	for in, want := range map[string]string{
		"GET http://a/i/SECRET/ks failed": "GET http://a/i/…/ks failed",
		"http://a/i/SECRET":               "http://a/i/…",
		`"http://a/i/SECRET"`:             `"http://a/i/…"`,
		"pw hunter22!":                    "pw …!",
		"drab":                            "drab",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
