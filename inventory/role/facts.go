package role

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory/role/expression"
)

// factTypes are the types of a host's facts, as its agent sends them. An agent may send more
// than these, and leaves out what it can't read. custom are the operator's own.
func factTypes() expression.Map {
	const extra = expression.Extra
	text, number, truth := expression.String, expression.Int, expression.Bool
	return expression.Map{
		"os":     expression.Map{"id": text, "version": text, "codename": text, "like": text, "name": text, extra: expression.Any},
		"kernel": expression.Map{"release": text, "arch": text, "host_name": text, extra: expression.Any},
		"cpu":    expression.Map{"model": text, "threads": number, "sockets": number, extra: expression.Any},
		"memory": expression.Map{"total": number, "swap": number, extra: expression.Any},
		"disks": expression.List(expression.Map{
			"name": text, "bytes": number, "model": text, "serial": text, "wwn": text, "rotational": truth, "removable": truth, extra: expression.Any,
		}),
		"cards": expression.List(expression.Map{
			"name": text, "mac": text, "driver": text, "kind": text, "mbit": number, "mtu": number, "addresses": expression.List(text), extra: expression.Any,
		}),
		"dmi":            expression.Map{extra: text},
		"virtualisation": text,
		"boot_mode":      text,
		"custom":         expression.Map{extra: expression.Any},
		"problems":       expression.Map{extra: text},
		extra:            expression.Any,
	}
}

var factShape = factTypes()

// FactKeys are the facts that a role knows by name, such as os and os.id.
func FactKeys() (keys []string) {
	for name, t := range factShape {
		if name == expression.Extra {
			continue
		}
		keys = append(keys, name)
		if m, ok := t.(expression.Map); ok {
			for inner := range m {
				if inner != expression.Extra {
					keys = append(keys, name+"."+inner)
				}
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// cutDefault takes apart PATH ?? 'TEXT', what ${facts...} takes.
func cutDefault(ref string) (path, otherwise string, has bool, err error) {
	path, text, has := strings.Cut(ref, "??")
	if !has {
		return ref, "", false, nil
	}
	text = strings.TrimSpace(text)
	n := len(text)
	if n < 2 || text[0] != '\'' && text[0] != '"' || text[n-1] != text[0] {
		return "", "", false, fmt.Errorf("the default of a fact is a text in quotes, not %.40s", text)
	}
	return strings.TrimSpace(path), text[1 : n-1], true, nil
}

// checkFact says what is wrong with the path of a fact, such as os.id. A default may follow.
func checkFact(ref string) (hint string, err error) {
	path, _, _, err := cutDefault(ref)
	if err != nil {
		return "write ${facts.NAME ?? 'TEXT'}", err
	}
	at := expression.Type(factShape)
	keys := strings.Split(path, ".")
	for i, key := range keys {
		m, isMap := at.(expression.Map)
		if !isMap {
			return "", fmt.Errorf("the fact %s has no entries by name", strings.Join(keys[:i], "."))
		}
		next, known := m[key]
		if !known && len(m) > 1 {
			var names []string
			for name := range m {
				if name != expression.Extra {
					names = append(names, name)
				}
			}
			return problem.DidYouMean(key, names), fmt.Errorf("there is no fact %s", strings.Join(keys[:i+1], "."))
		}
		if !known {
			return "", nil // a mapping of any keys
		}
		at = next
	}
	return "", nil
}

// Texts is a value of JSON as a variable would have it: scalars are texts.
func Texts(v any) any {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = Texts(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = Texts(item)
		}
		return out
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// fact finds a fact for ${facts.PATH}. Without facts, it makes the resource wait.
func (r *resolver) fact(name string, v value, ref string) (any, bool) {
	path, otherwise, has, _ := cutDefault(ref) // checked when the role was read
	r.claims = true
	if r.c.facts == nil {
		r.waits = true
		return nil, false
	}
	found, known, ok := variable(r.c.facts, path)
	switch {
	case !ok && has:
		return otherwise, true
	case !ok:
		r.c.addf(v.at, problem.DidYouMean(path, known), "%s: host %s has no fact %q", name, r.c.in.Host.Name, path)
		return nil, false
	}
	return Texts(found), true
}

// Facts are the host's facts: {{ .Facts.os.id }}. Without facts the file waits for them.
func (d Data) Facts() (map[string]any, error) {
	d.choice.claims = true
	if d.facts == nil {
		*d.waits = true
		return nil, errNoFacts
	}
	return maps.Clone(d.facts), nil
}

var errNoFacts = fmt.Errorf("the facts of the host are not known yet")
