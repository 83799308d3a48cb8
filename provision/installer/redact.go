package installer

import (
	"regexp"

	"rackhand/provision/mask"
)

// tokenPath is the one-time token in an appliance's URL: /i/TOKEN/...
var tokenPath = regexp.MustCompile(`/i/[^/\s"']+`)

// A redactor takes secrets out of text that people will see.
type redactor struct{ secrets *mask.Masker }

// newRedactor knows secrets by their text, in the forms that shells and programs give it.
func newRedactor(secrets ...string) *redactor {
	return &redactor{mask.New("…", secrets...)}
}

// clean returns the text without tokens and secrets.
func (r *redactor) clean(s string) string {
	return r.secrets.Mask(tokenPath.ReplaceAllString(s, "/i/…"))
}
