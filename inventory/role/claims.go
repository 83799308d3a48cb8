package role

import (
	"fmt"
	"strconv"
	"strings"

	"rackhand/inventory"
	"rackhand/inventory/role/kind"
)

// Facts are claims of the host. They may choose inside a role. A file of templates/, a secret
// or a list of other hosts must not be chosen by one: a host that lies would get what is meant
// for another. A resolver notes whether a value came from a fact (claims), a scope which of
// its parameters did.

// chosen reports a file of templates/ that a fact chooses; false if it did.
func (r *resolver) chosen(name string, s spec, v value) bool {
	if !r.claims || s.Type != kind.Filename {
		return true
	}
	r.c.addf(v.at, "name each file, and choose with when", "%s: a fact can't choose a file of templates/: the host could ask for the file of another one", name)
	return false
}

// A choice is what a template may ask for.
type choice struct {
	c        *compiler
	r        *resolver
	template string // its name
	claims   bool   // a fact was used
}

// secret gives a secret to a template.
func (ch *choice) secret(name string) (string, error) {
	ch.r.secret = true
	if ch.claims && !ch.written(name) && !namesSecret(ch.c.in.Host.Variables, name) && !namesSecret(ch.r.scope.params, name) {
		return "", fmt.Errorf("secret %.80s: a template that uses facts must name its secrets as they are: secret \"NAME\"", name)
	}
	return ch.c.secret(name)
}

// hosts gives other hosts to a template.
func (ch *choice) hosts(query string) (HostList, error) {
	if ch.claims && !ch.written(query) {
		return nil, fmt.Errorf("hosts %.80q: a template that uses facts must name its hosts as they are: .Hosts \"role=NAME\"", query)
	}
	return ch.c.hosts(query)
}

// written reports whether a text stands in quotes in the template.
func (ch *choice) written(text string) bool {
	source, err := ch.c.readSource(ch.template)
	return err == nil && (strings.Contains(source.Text, strconv.Quote(text)) || strings.Contains(source.Text, "`"+text+"`"))
}

// namesSecret reports whether a value names a secret.
func namesSecret(v any, secret string) bool {
	switch v := v.(type) {
	case inventory.SecretRef:
		return string(v) == secret
	case []any:
		for _, item := range v {
			if namesSecret(item, secret) {
				return true
			}
		}
	case map[string]any:
		for _, item := range v {
			if namesSecret(item, secret) {
				return true
			}
		}
	}
	return false
}
