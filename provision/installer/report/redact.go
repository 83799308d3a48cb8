package report

import "rackhand/provision/mask"

// A Redactor takes secrets out of text that people will see.
type Redactor struct{ secrets *mask.Masker }

// NewRedactor knows secrets by their text, in the forms that shells and programs give it.
func NewRedactor(secrets ...string) *Redactor {
	return &Redactor{mask.New("…", secrets...)}
}

// Clean returns the text without tokens and secrets.
func (r *Redactor) Clean(s string) string {
	return r.secrets.Mask(mask.Tokens(s))
}
