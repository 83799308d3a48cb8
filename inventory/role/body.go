package role

import (
	"fmt"

	"rackhand/config/problem"
)

// Body is the text of content, source or template, in at most so many bytes. It stands in the
// catalog as it is, so a secret in it is a problem, and so is what isn't text.
func (v values) Body(most int) string {
	c := v.Content()
	at, field := v.contentAt()
	switch {
	case c.Sensitive:
		v.c.addf(at, "put the whole file under a file resource, whose content may hold a secret", "%s: a secret can't stand here, where the catalog and the logs show it", field)
	case c.SHA256 != "" || len(c.Text) > most:
		v.c.addf(at, "", "%s: it has to be a text of at most %d KiB", field, most>>10)
	default:
		return c.Text
	}
	return ""
}

// contentAt is the place of the field that gives the content.
func (v values) contentAt() (at problem.Place, field string) {
	for _, field := range []string{"content", "source", "template"} {
		if f, ok := v.fields[field]; ok {
			return f.at, fmt.Sprint(field, ", for host ", v.c.in.Host.Name)
		}
	}
	return at, ""
}
