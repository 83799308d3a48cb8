package report

import (
	"regexp"
	"sort"
	"strings"
)

// tokenPath is the one-time token in an appliance's URL: /i/TOKEN/...
var tokenPath = regexp.MustCompile(`/i/[^/\s"']+`)

// A Redactor takes secrets out of text that people will see.
type Redactor struct{ secrets []string }

// NewRedactor knows secrets by their text. Very short ones are left out: masking
// each "a" would hide everything else.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		if len(s) >= 4 {
			r.secrets = append(r.secrets, s)
		}
	}
	// the longest first, so that no part of it stays behind
	sort.Slice(r.secrets, func(i, j int) bool { return len(r.secrets[i]) > len(r.secrets[j]) })
	return r
}

// Clean returns the text without tokens and secrets.
func (r *Redactor) Clean(s string) string {
	s = tokenPath.ReplaceAllString(s, "/i/…")
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, "…")
	}
	return s
}
