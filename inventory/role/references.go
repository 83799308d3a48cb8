package role

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rackhand/config/problem"
)

// checkReferences reports each ${param.NAME} that the role has no parameter for, and each
// field of a record that its type doesn't have. It notes the roles that hosts(...) names.
func (r *role) checkReferences() {
	known := slices.Sorted(maps.Keys(r.parameters))
	check := func(v value, l *loop) {
		for _, item := range append([]value{v}, v.list...) {
			for _, part := range item.parts {
				if part.ref {
					r.noteQuery(part, item.at)
					r.checkReference(part.text, item.at, l, known)
				}
			}
		}
	}
	over := func(l *loop) {
		if l != nil {
			l.over.each(func(v value) { check(v, nil) })
		}
	}
	for _, inc := range r.includes {
		for _, arg := range inc.with {
			arg.value.each(func(v value) { check(v, nil) })
		}
	}
	for _, d := range r.resources {
		over(d.loop)
		check(d.title, d.loop)
		for _, v := range d.fields {
			check(v, d.loop)
		}
	}
	for _, p := range r.parameters {
		if p.otherwise != nil { // without references to parameters
			p.otherwise.each(func(v value) { check(v, nil) })
		}
	}
	for _, d := range r.checks {
		over(d.loop)
		for _, v := range d.fields {
			check(v, d.loop)
		}
	}
}

// checkReference checks ${param.NAME}, ${param.NAME.FIELD} and ${ITEM.value.FIELD}.
func (r *role) checkReference(ref string, at problem.Place, l *loop, known []string) {
	if path, ok := strings.CutPrefix(ref, "param."); ok {
		name, rest, _ := strings.Cut(path, ".")
		p := r.parameters[name]
		if p == nil {
			hint := problem.DidYouMean(name, known)
			if hint == "" {
				hint = fmt.Sprintf("declare it: parameters: {%.40s: {default: VALUE}}", name)
			}
			r.problems.Addf(at, hint, "role %s has no parameter %.80q", r.name, name)
			return
		}
		r.checkField(ref, rest, at, p.typ)
		return
	}
	if l == nil {
		return
	}
	if rest, ok := strings.CutPrefix(ref, l.as+".value."); ok {
		if t := r.itemParam(l); t != nil {
			r.checkField(ref, rest, at, *t)
		}
	}
}

// checkField reports a field that a record doesn't have. The keys of maps are any texts, with
// dots in them, so the check ends there.
func (r *role) checkField(ref, path string, at problem.Place, t paramType) {
	for path != "" && t.fields != nil {
		name, rest, _ := strings.Cut(path, ".")
		field := t.fields[name]
		if field == nil {
			r.problems.Addf(at, problem.DidYouMean(name, t.fieldNames()), "${%.80s}: the record has no field %.40q", ref, name)
			return
		}
		path, t = rest, field.typ
	}
}

// itemParam is the type of the items of a loop over a parameter; nil if it isn't known.
func (r *role) itemParam(l *loop) *paramType {
	ref, whole := l.over.scalar.whole()
	name, isParam := strings.CutPrefix(ref, "param.")
	if l.over.kind != scalarTree || !whole || !isParam {
		return nil
	}
	p := r.parameters[name]
	if p == nil {
		return nil
	}
	return p.typ.item
}
