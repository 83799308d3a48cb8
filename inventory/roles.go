package inventory

import (
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// maxHostRoles bounds the roles of one host, without those that they include.
const maxHostRoles = 50

// A roleSetting is what one layer says of a host's roles. Its key is roles, also for role.
type roleSetting struct {
	key   string // as written: role or roles
	names []string
	at    []schema.Node // of each name
	// add appends the names to those of the weaker layers.
	add bool
}

// roleFields reads role, a name, and roles, a list of names or {add: [...]}.
func roleFields(what string, to layer, fields schema.Fields) {
	put := func(n schema.Node, s *roleSetting) {
		first, given := to[keyRoles]
		if given && first.value.(*roleSetting).key != s.key {
			n.Problem("keep one of the two: roles: [base, web] names several", "%s: role and roles are both given; first at %s", what, first.node.At())
			return
		}
		if given {
			n.Problem("keep one of the two", "%s: %s is given a second time; first at %s", what, s.key, first.node.At())
			return
		}
		to[keyRoles] = setting{s, n}
	}
	fields[keyRole] = func(n schema.Node) {
		s := &roleSetting{key: keyRole}
		s.name(what, n)
		put(n, s)
	}
	fields[keyRoles] = func(n schema.Node) {
		s := &roleSetting{key: keyRoles}
		if n.IsMapping() {
			given := false
			s.add = true
			read := n.Fields(what+": roles", schema.Fields{"add": func(n schema.Node) {
				given = true
				s.list(what, n)
			}})
			if read && !given {
				n.Problem("write {add: [monitoring]}, or [base, web] without the weaker layers", "%s: roles adds nothing", what)
			}
		} else {
			s.list(what, n)
		}
		put(n, s)
	}
}

func (s *roleSetting) list(what string, n schema.Node) {
	items, ok := n.List(what + ": roles")
	if ok && len(items) == 0 && n.Null() {
		n.Problem("write [] for a host without roles, or remove the line", "%s: roles has no value", what)
	}
	if len(items) > maxHostRoles {
		n.Problem("write a role that includes several", "%s: %d roles, at most %d are allowed", what, len(items), maxHostRoles)
		return
	}
	for _, item := range items {
		s.name(what, item)
	}
}

func (s *roleSetting) name(what string, n schema.Node) {
	text, ok := n.Text(what + ": " + s.key)
	switch i := slices.Index(s.names, text); {
	case !ok:
	case !validName(text):
		hint := "name a file of roles/, such as web, without a path"
		if names := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }); len(names) > 1 {
			hint = "write a list: roles: [" + strings.Join(names, ", ") + "]"
		}
		n.Problem(hint, "%s: %q can't be a role", what, text)
	case i >= 0:
		n.Problem("keep one of the two", "%s: role %s stands here twice; first at %s", what, text, s.at[i].At())
	default:
		s.names, s.at = append(s.names, text), append(s.at, n)
	}
}

// over are the roles of a layer over those of the weaker ones. A role that these have already
// keeps its place.
func (s *roleSetting) over(weaker []string) []string {
	if !s.add {
		return s.names
	}
	out := slices.Clone(weaker)
	for _, name := range s.names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// roles are those of all layers together, and the strongest setting.
func (m merged) roles() (names []string, last setting) {
	for _, n := range m.layers {
		if s, ok := n.layer[keyRoles]; ok {
			names, last = s.value.(*roleSetting).over(names), s
		}
	}
	return names, last
}

// checkRoles reports roles that don't exist.
func (l *loader) checkRoles(what string, ly layer) {
	s, ok := ly[keyRoles]
	if !ok || l.opt.Roles == nil {
		return
	}
	given := s.value.(*roleSetting)
	for i, name := range given.names {
		if slices.Contains(l.opt.Roles, name) {
			continue
		}
		hint := problem.DidYouMean(name, l.opt.Roles)
		if hint == "" {
			hint = "write it to roles/" + name + ".yaml"
		}
		given.at[i].Problem(hint, "%s: there is no role %q", what, name)
	}
}

// roleOrigins replaces the layers' settings by the roles that hold with each of them, and says
// where a layer only adds.
func roleOrigins(from []Origin) []Origin {
	out := make([]Origin, len(from))
	var names []string
	for i, o := range slices.Backward(from) {
		given := o.Value.(givenRoles)
		names = (&roleSetting{names: given.names, add: given.add}).over(names)
		if given.add {
			o.Layer += ", adds " + strings.Join(given.names, ", ")
		}
		o.Value = names
		out[i] = o
	}
	return out
}

// givenRoles is a roleSetting without the nodes of its file, which a snapshot doesn't keep.
type givenRoles struct {
	names []string
	add   bool
}

// Role is the host's roles as one text: "base, web"; "" without one.
func (h *Host) Role() string { return strings.Join(h.Roles, ", ") }
