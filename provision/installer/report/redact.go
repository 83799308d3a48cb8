package report

import (
	"regexp"

	"rackhand/provision/mask"
)

// tokenPath is the one-time token in an appliance's URL: /i/TOKEN/...
var tokenPath = regexp.MustCompile(`/i/[^/\s"']+`)

// A Redactor takes secrets out of text that people will see.
type Redactor struct{ secrets *mask.Masker }

// NewRedactor knows secrets by their text, in the forms that shells and programs give it.
func NewRedactor(secrets ...string) *Redactor {
	return &Redactor{mask.New("…", secrets...)}
}

// Clean returns the text without tokens and secrets.
func (r *Redactor) Clean(s string) string {
	return r.secrets.Mask(tokenPath.ReplaceAllString(s, "/i/…"))
}
