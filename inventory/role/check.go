package role

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory/role/kind"
	"rackhand/provision/catalog"
)

// A checkKind is a kind of check: the key that a check begins with, the fields of its mapping,
// and what they become.
type checkKind struct {
	name   string
	fields map[string]spec
	// onHost: it runs on the host alone.
	onHost bool
	// deadline of one try, unless the check sets one.
	deadline time.Duration
	// shape says which fields don't go together; nil: all do. It is asked when a role is read.
	shape func(d *checkDeclaration) error
	// make fills in the check of a host, whose From is set.
	make func(f *resolver, c *catalog.Check)
}

// checkKinds are all kinds. Everything that is said of kinds of checks is made of this list.
func checkKinds() []checkKind { return []checkKind{httpKind(), tcpKind(), execKind(), systemdKind()} }

func checkKindNames() (names []string) {
	for _, k := range checkKinds() {
		names = append(names, k.name)
	}
	return names
}

// checkSpecs are the fields beside the kind.
func checkSpecs() map[string]spec {
	return map[string]spec{
		"from":     {Type: kind.OneOf, Known: []string{catalog.FromAppliance, catalog.FromHost}},
		"within":   {Type: kind.Duration, Low: 1, High: catalog.MaxWithin},
		"deadline": {Type: kind.Duration, Low: 1, High: catalog.MaxCheckTime},
	}
}

// checkDeclaration is a check as written.
type checkDeclaration struct {
	kind   checkKind
	at     problem.Place
	loop   *loop            // nil for one check
	when   *condition       // nil without one
	fields map[string]value // of the kind, and from, within, deadline
	specs  map[string]spec  // of the fields
}

// has reports whether a field is written.
func (d *checkDeclaration) has(name string) bool { _, ok := d.fields[name]; return ok }

// is reports whether a field is written with one of these texts, without a reference.
func (d *checkDeclaration) is(name string, texts ...string) bool {
	v, ok := d.fields[name]
	return ok && !v.isList && v.static() && slices.Contains(texts, literal(v))
}

// check reads a check.
func (r *role) check(n schema.Node) {
	const hint = "write - http: {port: 80, path: /}"
	if !n.IsMapping() {
		n.Problem(hint, "a check must be a mapping")
		return
	}
	before := r.problems.Len()
	d := checkDeclaration{at: n.At(), loop: r.readLoop(n), fields: map[string]value{}}
	common := d.loop.allow(checkSpecs())
	readers := schema.Fields{
		"when": func(field schema.Node) { d.when = r.readWhen(field, d.loop) },
		"each": func(schema.Node) {}, // readLoop has read them
		"as":   func(schema.Node) {},
	}
	found := 0
	for _, k := range checkKinds() {
		readers[k.name] = func(field schema.Node) {
			if found++; found > 1 {
				field.Problem("begin a new check with a dash", "this check is a %s already", d.kind.name)
				return
			}
			d.kind = k
			if field.IsText() && !field.Null() {
				field.Problem("write its fields in braces: http: {port: 80}, exec: {command: [PROGRAM]}", "%s must be a mapping, not text", k.name)
				return
			}
			d.specs = d.loop.allow(k.fields)
			r.fields(field, k.name, d.specs, d.fields, checkHint)
		}
	}
	for name, s := range common {
		readers[name] = func(field schema.Node) { r.field(field, name, s, d.fields) }
	}
	n.FieldsHint("check", readers, checkHint, nil)
	if r.problems.Len() > before {
		return
	}
	if found == 0 {
		n.Problem(hint, "a check needs one of %s", strings.Join(checkKindNames(), ", "))
		return
	}
	if err := d.shape(); err != nil {
		n.Problem("", "%s: %v", d.kind.name, err)
		return
	}
	maps.Copy(d.specs, common)
	r.checks = append(r.checks, d)
}

// checkHint is for the words of other programs.
func checkHint(key string) string {
	switch key {
	case "https":
		return "write http: {tls: true}"
	case "url":
		return "write port and path; host and tls: true for https"
	case "code", "status_code":
		return "write status"
	case "timeout":
		return "write deadline behind the check, in the column of its type"
	case "within", "deadline", "from", "when":
		return "write it in the column of the check's type"
	case "port":
		return "write tcp: {port: 80} or http: {port: 80}"
	case "command", "cmd", "script", "shell":
		return "write exec: {command: [PROGRAM, ARGUMENT]}"
	case "service":
		return "write systemd: {failed: 0}, or exec: {command: [systemctl, is-active, NAME]}"
	}
	return ""
}

func (d *checkDeclaration) shape() error {
	if d.kind.onHost && d.is("from", catalog.FromAppliance) {
		return errors.New("it runs on the host alone: leave from out, or write from: host")
	}
	if d.has("address") && !d.kind.onHost && (!d.has("from") || d.is("from", catalog.FromAppliance)) {
		return errors.New("address goes with from: host; the appliance asks the host's own address")
	}
	if d.kind.shape == nil {
		return nil
	}
	return d.kind.shape(d)
}

// checks compiles the checks of a scope.
func (c *compiler) checks(s *scope) (checks []catalog.Check) {
	for i := range s.role.checks {
		d := &s.role.checks[i]
		steps, known := c.items(s, d.loop)
		if !known {
			c.waitsFor("check", d.at, s, forFacts)
		}
		for _, step := range steps {
			switch c.decide(s, d.when, d.loop, step) {
			case holds:
				if k, ok := c.check(s, d, step); ok {
					checks = append(checks, k)
				}
			case waits:
				c.waitsFor("check", d.at, s, forFacts)
			case fails:
			}
		}
		if len(checks) > catalog.MaxChecks { // reported by Compile
			return checks
		}
	}
	return checks
}

// check resolves a check; false if it is at fault (reported), or waits for facts.
func (c *compiler) check(s *scope, d *checkDeclaration, step item) (catalog.Check, bool) {
	before := c.problems.Len()
	f := c.fields(s, d.fields, d.specs)
	f.loop, f.item = d.loop, step
	k := catalog.Check{
		From:     f.textOr("from", catalog.FromAppliance),
		Within:   seconds(f.duration("within", time.Minute)),
		Deadline: seconds(f.duration("deadline", d.kind.deadline)),
		Source:   d.at.String(),
	}
	if d.kind.onHost && !d.has("from") {
		k.From = catalog.FromHost
	}
	d.kind.make(f, &k)
	switch {
	case c.problems.Len() > before:
		return k, false
	case f.waits:
		c.waitsFor("check", d.at, s, forFacts)
		return k, false
	}
	if err := k.Validate(); err != nil {
		c.addf(d.at, "", "%s, for host %s: %v", d.kind.name, c.in.Host.Name, err)
		return k, false
	}
	return k, true
}

// onHost are the checks that the agent runs.
func onHost(checks []catalog.Check) (out []catalog.Check) {
	for _, k := range checks {
		if k.From == catalog.FromHost {
			out = append(out, k)
		}
	}
	return out
}

// texts are the items of a list.
func (r *resolver) texts(name string) []string { return values{r}.List(name) }

// textOr is a field's text, or otherwise if it isn't there.
func (r *resolver) textOr(name, otherwise string) string {
	if text := r.text(name); text != "" {
		return text
	}
	return otherwise
}

func withoutHint(valid func(string) error) func(string) (string, error) {
	return func(text string) (string, error) { return "", valid(text) }
}

// contentSpecs are the fields of a text that is searched.
func contentSpecs(to map[string]spec) map[string]spec {
	to["contains"] = spec{}
	to["matches"] = spec{Valid: func(text string) (string, error) {
		return "write a regular expression of RE2", catalog.ValidExpression(text)
	}}
	return to
}

func contentOf(f *resolver) catalog.Content {
	return catalog.Content{Contains: f.text("contains"), Matches: f.text("matches")}
}

// flag is a boolean field.
func (r *resolver) flag(name string, otherwise bool) bool {
	if b := r.bool(name); b != nil {
		return *b
	}
	return otherwise
}

// needs is an error unless a field is written.
func (d *checkDeclaration) needs(name string) error {
	if d.has(name) {
		return nil
	}
	return errors.New(name + " must be written")
}
