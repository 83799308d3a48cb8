package role

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/role/kind"
)

// resolver reads the fields of one declaration with their references resolved.
type resolver struct {
	c      *compiler
	scope  *scope
	loop   *loop // nil without an item
	item   item
	fields map[string]value
	specs  map[string]spec
	// outline: contents aren't needed.
	outline bool
	// secret is set once a secret was substituted, waits once a fact was needed that isn't
	// known yet.
	secret, waits bool
	// claims is set once a fact, or a value that came from one, was substituted.
	claims bool
}

func (c *compiler) fields(s *scope, fields map[string]value, specs map[string]spec) *resolver {
	return &resolver{c: c, scope: s, fields: fields, specs: specs}
}

// text is a field's text, "" when it isn't there or doesn't fit (reported).
func (r *resolver) text(name string) string {
	v, ok := r.fields[name]
	if !ok {
		return ""
	}
	text, ok := r.scalar(name, r.specs[name], v)
	if !ok {
		return ""
	}
	return text
}

func (r *resolver) has(name string) bool { _, ok := r.fields[name]; return ok }

func (r *resolver) bool(name string) *bool {
	if !r.has(name) {
		return nil
	}
	b, ok := kind.ParseBool(r.text(name))
	if !ok {
		return nil
	}
	return &b
}

func (r *resolver) number(name string, otherwise int) int {
	n, err := strconv.Atoi(r.text(name))
	if err != nil {
		return otherwise
	}
	return n
}

func (r *resolver) duration(name string, otherwise time.Duration) time.Duration {
	d, err := time.ParseDuration(r.text(name))
	if err != nil {
		return otherwise
	}
	return d
}

// list is a field that takes a list.
func (r *resolver) list(name string) (items []target) {
	v, ok := r.fields[name]
	if !ok {
		return nil
	}
	s := r.specs[name]
	if !v.isList { // a whole ${...}
		ref, _ := v.whole()
		found, ok := r.lookup(name, v, ref)
		if !ok {
			return nil
		}
		all, isList := found.([]any)
		if !isList {
			all = []any{found}
		}
		for _, item := range all {
			if text, ok := r.fit(name, s, v, item); ok {
				items = append(items, target{text, v.at})
			}
		}
		return items
	}
	for _, item := range v.list {
		if text, ok := r.scalar(name, s, item); ok {
			items = append(items, target{text, item.at})
		}
	}
	return items
}

// scalar substitutes the references in a scalar and checks the result.
func (r *resolver) scalar(name string, s spec, v value) (string, bool) {
	if v.static() {
		return literal(v), true // was checked when it was parsed
	}
	before := r.claims
	r.claims = false
	defer func() { r.claims = r.claims || before }()
	var b strings.Builder
	for _, p := range v.parts {
		if !p.ref {
			b.WriteString(p.text)
			continue
		}
		found, ok := r.lookup(name, v, p.text)
		if !ok {
			return "", false
		}
		text, isText := found.(string)
		if !isText {
			hint := "name an entry of it: ${" + p.text + ".KEY}"
			if _, isList := found.([]any); isList {
				hint = "a list fits where a list is taken: use each, or a template with range"
			}
			r.c.addf(v.at, hint, "%s: ${%s} is %s, not one value", name, p.text, kindOf(found))
			return "", false
		}
		b.WriteString(text)
	}
	if !r.chosen(name, s, v) {
		return "", false
	}
	return r.fit(name, s, v, b.String())
}

// fit checks a resolved value; it is not quoted when a secret is in it.
func (r *resolver) fit(name string, s spec, v value, found any) (string, bool) {
	text, ok := found.(string)
	if !ok {
		r.c.addf(v.at, "", "%s: %s is %s, not text", name, v.text, kindOf(found))
		return "", false
	}
	if text == "" && !s.Empty {
		r.c.addf(v.at, "", "%s: %s is empty for host %s", name, v.text, r.c.in.Host.Name)
		return "", false
	}
	if hint, err := s.Check(text); err != nil {
		r.c.addf(v.at, hint, "%s: for host %s: %v", name, r.c.in.Host.Name, err)
		return "", false
	}
	return text, true
}

func kindOf(v any) string {
	switch v.(type) {
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return "a text"
}

// lookup finds what a reference stands for, with the values of secrets; a failure is
// reported.
func (r *resolver) lookup(name string, v value, ref string) (any, bool) {
	found, ok := r.find(name, v, ref)
	if !ok {
		return nil, false
	}
	what := "variable " + strings.TrimPrefix(ref, "var.")
	if param, ok := strings.CutPrefix(ref, "param."); ok {
		what = "parameter " + param
	} else if r.loop != nil && strings.HasPrefix(ref, r.loop.as+".") {
		what = "item " + ref
	}
	return r.withSecrets(name, v, what, found)
}

// find is lookup without the values of secrets that a variable or a parameter names.
func (r *resolver) find(name string, v value, ref string) (any, bool) {
	in, host := r.c.in, r.c.in.Host
	switch ref {
	case "host.name":
		return host.Name, true
	case "host.address":
		return host.Address.String(), true
	case "host.group":
		return host.Group, true
	case "host.mac":
		if len(host.MACs) == 0 {
			return "", true
		}
		return host.MACs[0].String(), true
	case "appliance.url":
		return in.Appliance, true
	}
	if secret, ok := strings.CutPrefix(ref, "secret."); ok {
		text, err := r.c.secret(secret)
		if err != nil {
			r.c.addf(v.at, "", "%s: secret %s: %v", name, secret, err)
			return nil, false
		}
		r.secret = true
		return text, true
	}
	if path, ok := strings.CutPrefix(ref, "facts."); ok {
		return r.fact(name, v, path)
	}
	if strings.HasPrefix(ref, "hosts(") {
		return r.c.hostValues(ref), true
	}
	if r.loop != nil {
		if path, ok := strings.CutPrefix(ref, r.loop.as+"."); ok {
			r.claims = r.claims || r.item.claimed
			found, known, ok := variable(r.item.values(), path)
			if !ok {
				r.c.addf(v.at, problem.DidYouMean(path, known), "%s: for host %s: item %.40q of each has no %s", name, host.Name, r.item.key, path)
			}
			return found, ok
		}
	}
	if path, ok := strings.CutPrefix(ref, "param."); ok {
		parameter, _, _ := strings.Cut(path, ".")
		r.claims = r.claims || r.scope.claims[parameter]
		found, known, ok := variable(r.scope.params, path)
		if !ok {
			r.c.addf(v.at, problem.DidYouMean(path, known), "%s: for host %s: role %s has no parameter %q", name, host.Name, r.scope.role.name, path)
		}
		return found, ok
	}
	path := strings.TrimPrefix(ref, "var.")
	found, known, ok := variable(host.Variables, path)
	if !ok {
		hint := problem.DidYouMean(path, known)
		if hint == "" {
			hint = "set it on the host, its group or its system"
		}
		r.c.addf(v.at, hint, "%s: host %s has no variable %q", name, host.Name, path)
	}
	return found, ok
}

// withSecrets puts values in the place of the secrets that a variable or a parameter
// names. They may stand where ${secret.NAME} may.
func (r *resolver) withSecrets(name string, v value, what string, found any) (any, bool) {
	switch f := found.(type) {
	case inventory.SecretRef:
		if !r.specs[name].Secret {
			r.c.addf(v.at, "a secret may stand in content, or in a template", "%s: the %s is a secret for host %s, and can't stand here, where logs and pages show it", name, what, r.c.in.Host.Name)
			return nil, false
		}
		text, err := r.c.secret(string(f))
		if err != nil {
			r.c.addf(v.at, "", "%s: %s: %v", name, what, err)
			return nil, false
		}
		r.secret = true
		return text, true
	case []any:
		out := make([]any, len(f))
		for i, item := range f {
			var ok bool
			if out[i], ok = r.withSecrets(name, v, what, item); !ok {
				return nil, false
			}
		}
		return out, true
	}
	return found, true
}

func (c *compiler) secret(name string) (string, error) {
	if c.in.Secret == nil {
		return "", fmt.Errorf("secrets are not at hand here")
	}
	return c.in.Secret(name)
}

// variable finds a variable by its name, or one within mappings by a.b.c.
// known lists the names where the search ended.
func variable(vars map[string]any, path string) (found any, known []string, ok bool) {
	if v, ok := vars[path]; ok {
		return v, nil, true
	}
	known = slices.Sorted(maps.Keys(vars))
	key, rest, more := strings.Cut(path, ".")
	inner, isMap := vars[key].(map[string]any)
	if !more || !isMap {
		return nil, known, false
	}
	return variable(inner, rest)
}
