package role

import (
	"fmt"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory/role/kind"
)

// spec is what a field takes.
type spec = kind.Spec

// value is a scalar or a list of scalars as written.
type value struct {
	text   string
	list   []value
	isList bool
	alone  bool // a text that stands for a list of one
	at     problem.Place
	parts  []part // of a scalar
}

// part of a scalar: literal text, or a reference such as host.name.
type part struct {
	text string
	ref  bool
}

// static reports whether nothing is substituted in the value.
func (v value) static() bool {
	for _, p := range v.parts {
		if p.ref {
			return false
		}
	}
	for _, item := range v.list {
		if !item.static() {
			return false
		}
	}
	return true
}

// whole is the reference that is all of the scalar, if it is one.
func (v value) whole() (ref string, ok bool) {
	if len(v.parts) == 1 && v.parts[0].ref {
		return v.parts[0].text, true
	}
	return "", false
}

// readValue reads a scalar, or a list of them where that is allowed.
func readValue(n schema.Node, what string, s spec) (value, bool) {
	if !s.List() {
		return readScalar(n, what, s)
	}
	items, ok := n.List(what)
	if !ok {
		return value{}, false
	}
	// One ${...} may stand for a whole list.
	if n.IsText() {
		v, ok := readScalar(n, what, s)
		if _, whole := v.whole(); !ok || whole {
			return v, ok
		}
		return value{list: []value{v}, isList: true, alone: true, at: v.at}, true
	}
	list := value{isList: true, at: n.At()}
	for _, item := range items {
		v, ok := readScalar(item, what, s)
		if !ok {
			return value{}, false
		}
		list.list = append(list.list, v)
	}
	return list, true
}

func readScalar(n schema.Node, what string, s spec) (value, bool) {
	var text string
	if n.IsMapping() && s.Secret {
		n.Problem(`write "${secret.NAME}"; {secret: NAME} is for variables of the inventory`, "%s must be text, not a mapping", what)
		return value{}, false
	}
	if s.Empty && n.IsText() && !n.Null() {
		text = n.Any().(string)
	} else {
		var ok bool
		if text, ok = n.Text(what); !ok {
			return value{}, false
		}
	}
	v := value{text: text, at: n.At()}
	parts, hint, err := split(text, s)
	if err != nil {
		n.Problem(hint, "%s: %v", what, err)
		return value{}, false
	}
	v.parts = parts
	for _, p := range parts {
		if !p.ref {
			continue
		}
		if strings.HasPrefix(p.text, "secret.") && !s.Secret {
			n.Problem("a secret may stand in content, or in a template as {{ secret \"NAME\" }}", "%s: a secret can't stand here, where logs and pages show it", what)
			return value{}, false
		}
	}
	return v, true
}

// references are the roots that can be referred to; those that end with a dot
// take any name behind it.
func references() []string {
	return []string{"host.name", "host.address", "host.group", "host.mac", "appliance.url", "param.NAME", "var.NAME", "secret.NAME", "facts.NAME", "hosts(role=NAME)"}
}

// split takes a scalar apart at its ${...}. $${ is a literal ${.
func split(text string, s spec) (parts []part, hint string, err error) {
	const escape = "write $${ for ${ as it is"
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			parts = append(parts, part{text: lit.String()})
			lit.Reset()
		}
	}
	for text != "" {
		i := strings.Index(text, "${")
		if i < 0 {
			lit.WriteString(text)
			break
		}
		if i > 0 && text[i-1] == '$' {
			lit.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		lit.WriteString(text[:i])
		flush()
		text = text[i+2:]
		end := strings.IndexByte(text, '}')
		if end < 0 {
			return nil, "close it with }, or " + escape, fmt.Errorf("${%.40s is not closed", text)
		}
		name := text[:end]
		if hint, err := checkReference(name, s); err != nil {
			return nil, hint + "; " + escape, err
		}
		parts = append(parts, part{text: name, ref: true})
		text = text[end+1:]
	}
	flush()
	return parts, "", nil
}

// checkReference says what is wrong with a reference.
func checkReference(name string, s spec) (hint string, err error) {
	if path, ok := strings.CutPrefix(name, "facts."); ok {
		return checkFact(path)
	}
	if strings.HasPrefix(name, "hosts(") {
		_, hint, err := checkHosts(name)
		return hint, err
	}
	if knownReference(name) || knownItem(s, name) {
		return "", nil
	}
	known := references()
	if s.Loop != "" {
		known = append(known, s.Loop+".key", s.Loop+".value")
	}
	if hint = referenceHint(name, s.Loop); hint == "" {
		hint = problem.DidYouMean(name, known)
	}
	return hint, fmt.Errorf("${%.60s} is not known", name)
}

// referenceHint is for the names of other programs, and for those without what they belong to.
// item is the name of an item of each that may stand there, "" for none.
func referenceHint(name, item string) string {
	section, rest, _ := strings.Cut(name, ".")
	switch {
	case strings.HasPrefix(name, "facts[") || strings.HasPrefix(name, "$facts") || strings.HasPrefix(name, "ansible_"):
		return "write ${facts.os.id}, with dots; `rackhand facts HOST` lists a host's facts"
	case (section == "item" || section == "each") && item != "":
		return "write ${" + item + ".value}, or ${" + item + ".key}"
	case section == "item" || section == "each":
		return "add each: LIST to the resource"
	case rest != "" && (section == "params" || section == "parameters"):
		return "write ${param." + rest + "}"
	case rest != "" && (section == "vars" || section == "variables"):
		return "write ${var." + rest + "}"
	case rest != "" && section == "secrets":
		return "write ${secret." + rest + "}"
	case name == "hostname" || name == "fqdn" || name == "inventory_hostname":
		return "write ${host.name}"
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && problem.Nearest(name, references()) == "":
		return "write ${param." + name + "} for a parameter, ${var." + name + "} for a variable"
	}
	return ""
}

func knownReference(name string) bool {
	for _, root := range []string{"param.", "var.", "secret."} {
		if rest, ok := strings.CutPrefix(name, root); ok {
			return rest != "" && !strings.ContainsAny(rest, " \t\n${}")
		}
	}
	for _, r := range references() {
		if name == r {
			return true
		}
	}
	return false
}
