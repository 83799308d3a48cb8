package role

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"rackhand/inventory"
	"rackhand/inventory/role/kind"
	"rackhand/provision/catalog"
)

// resources resolves the declarations; identical ones become one, and their
// notify, require and tags are united.
func (c *compiler) resources(s *scope) {
	for i := range s.role.resources {
		d := &s.role.resources[i]
		steps, known := c.items(s, d.loop)
		if !known {
			c.unknown = true
			c.waitsFor(d.kind.Name+" "+d.title.text, d.at, s, forFacts)
		}
		for _, step := range steps {
			if c.made++; c.made > catalog.MaxResources {
				c.addf(d.at, "split the role", "host %s has more than %d resources", c.in.Host.Name, catalog.MaxResources)
				return
			}
			c.add(s, d, step)
			if c.texts > catalog.MaxTexts { // reported
				return
			}
		}
	}
}

// add resolves a declaration for an item.
func (c *compiler) add(s *scope, d *declaration, step item) {
	var n *node
	switch c.decide(s, d.when, d.loop, step) {
	case holds:
		n = c.resource(s, d, step)
	case waits:
		n = c.wait(s, d, step)
	case fails:
		c.notDeclared(d)
	}
	if n == nil {
		return
	}
	at, twice := c.index[n.ID]
	if !twice {
		c.index[n.ID] = len(c.nodes)
		c.nodes = append(c.nodes, n)
		return
	}
	first := c.nodes[at]
	switch {
	case n.waits != "": // it may be an alternative to the first
		c.waitsFor(n.ID, d.at, s, n.waits)
		return
	case first.waits != "":
		c.waitsFor(n.ID, first.decl.at, first.scope, first.waits)
		c.nodes[at] = n
		return
	}
	a, b := first.Resource, n.Resource
	a.Source, b.Source, a.Tags, b.Tags = "", "", nil, nil
	if !reflect.DeepEqual(a, b) {
		c.addf(d.at, "keep one of them, or make them the same", "%s%s is declared differently at %s%s",
			n.ID, d.loop.from(step)+s.via(), first.decl.at, first.decl.loop.from(first.item)+first.scope.via())
		return
	}
	first.notify = append(first.notify, n.notify...)
	first.require = append(first.require, n.require...)
	first.Tags = unique(append(first.Tags, n.Tags...))
	first.before = append(first.before, n.before...)
	first.twins = append(first.twins, n)
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// resource resolves one declaration, nil when it is at fault (reported).
func (c *compiler) resource(s *scope, d *declaration, step item) *node {
	before := c.problems.Len()
	f := c.fields(s, d.fields, d.specs)
	f.loop, f.item = d.loop, step
	name, ok := f.scalar(d.kind.Name, titleSpec(d.kind), d.title)
	if f.waits {
		return c.wait(s, d, step)
	}
	if !ok {
		return nil
	}
	if d.kind.Clean != nil {
		name = d.kind.Clean(name)
	}
	n := &node{Resource: d.kind.Resource(name, values{f}), decl: d, scope: s, item: step}
	n.Source = d.at.String()
	n.Deadline, n.Retry = seconds(f.duration("deadline", 0)), f.retry(d)
	if b := f.bool("in_window"); b != nil {
		n.InWindow = *b
	}
	n.OnlyOn, n.Tags = values{f}.List("only_on"), unique(values{f}.List("tags"))
	n.notify, n.require, n.before = cleaned(f.list("notify")), cleaned(f.list("require")), cleaned(f.list("before"))
	if c.problems.Len() > before {
		return nil
	}
	if f.waits {
		return c.wait(s, d, step)
	}
	if err := n.Validate(); err != nil {
		c.addf(d.at, "", "%s, for host %s: %v", n.ID, c.in.Host.Name, err)
		return nil
	}
	return n
}

// cleaned writes the titles in ids as the ids of resources have them.
func cleaned(targets []target) []target {
	for i, t := range targets {
		if k, title, ok := kind.ID(t.id); ok && k.Clean != nil {
			targets[i].id = catalog.ID(k.Name, k.Clean(title))
		}
	}
	return targets
}

// values are the resolved fields of a declaration, as kinds read them.
type values struct{ *resolver }

func (v values) Has(name string) bool    { return v.has(name) }
func (v values) Text(name string) string { return v.text(name) }
func (v values) Bool(name string) *bool  { return v.bool(name) }

func (v values) Number(name string) *int {
	n, err := strconv.Atoi(v.text(name))
	if err != nil {
		return nil
	}
	return &n
}

func (v values) Duration(name string) time.Duration { return v.duration(name, 0) }

func (v values) List(name string) (out []string) {
	for _, t := range v.list(name) {
		out = append(out, t.id)
	}
	return out
}

// Command is a list as it is, and a text as the shell runs it: sh -ec TEXT.
func (v values) Command(name string) []string {
	words := v.List(name)
	field := v.fields[name]
	alone := field.alone
	if ref, whole := field.whole(); whole && len(words) == 1 {
		found, _ := v.find(name, field, ref)
		_, isList := found.([]any)
		alone = !isList
	}
	if alone && len(words) == 1 {
		return []string{"/bin/sh", "-ec", words[0]}
	}
	return words
}

// Content resolves content, source or template, and counts its size.
func (v values) Content() kind.Content { return v.ContentOf("content", "source", "template") }

// ContentOf is Content for fields with other names.
func (v values) ContentOf(contentField, sourceField, templateField string) kind.Content {
	if v.outline {
		return kind.Content{}
	}
	c := v.c
	var source Source
	var err error
	field := ""
	switch {
	case v.has(contentField):
		source.Text = v.text(contentField)
	case v.has(sourceField):
		field = sourceField
		if text := v.text(field); text != "" {
			source, err = c.readSource(text)
		}
	case v.has(templateField):
		field = templateField
		if text := v.text(field); text != "" {
			source.Text, err = c.render(text, v.resolver)
		}
	}
	out := kind.Content{Text: source.Text, SHA256: source.SHA256, Size: source.Size, Sensitive: v.secret}
	sensitive := v.secret
	if b := v.bool("sensitive"); b != nil {
		sensitive = sensitive || *b
	}
	if most := int64(catalog.MaxSecret); err == nil && sensitive && max(out.Size, int64(len(out.Text))) > most {
		err = fmt.Errorf("it has more than %d MiB: a sensitive file is held in memory, so that is the limit", most>>20)
	}
	if before := c.texts; err == nil {
		if c.texts += len(out.Text); c.texts > catalog.MaxTexts && before <= catalog.MaxTexts {
			err = fmt.Errorf("with it, the texts of this role's files have more than %d MiB: bring large files by source", catalog.MaxTexts>>20)
		}
	}
	if err != nil && !v.waits {
		if field == "" {
			field = contentField
		}
		c.addf(v.fields[field].at, "", "%s, for host %s: %v", field, c.in.Host.Name, err)
	}
	return out
}

func (c *compiler) readSource(name string) (Source, error) {
	if c.in.Source == nil {
		return Source{}, errNoTemplates
	}
	return c.in.Source(name)
}

func (c *compiler) render(name string, f *resolver) (string, error) {
	if c.in.Render == nil {
		return "", errNoTemplates
	}
	data := Data{
		Host: c.in.Host, Role: f.scope.role.name, Var: printable(c.in.Host.Variables), Param: f.scope.typed(),
		facts: c.facts, waits: &f.waits,
		choice: &choice{c: c, r: f, template: name, claims: f.item.claimed || len(f.scope.claims) > 0},
	}
	data.Appliance.URL = c.in.Appliance
	if f.loop != nil {
		data.Each = printable(f.item.values())
	}
	return c.in.Render(name, data, data.choice.secret)
}

// A secretNeedsVar stands for a secret in {{ .Var.x }}: text/template can't print a function,
// and says its type.
type secretNeedsVar func()

// printable is what templates see of variables as .Var. A variable that names a
// secret can't be printed so; {{ var "x" }} gives the secret, and makes the file
// sensitive.
func printable(variables map[string]any) map[string]any {
	out := make(map[string]any, len(variables))
	for name, v := range variables {
		out[name] = unprintable(v)
	}
	return out
}

func unprintable(v any) any {
	switch v := v.(type) {
	case inventory.SecretRef:
		return secretNeedsVar(func() {})
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = unprintable(item)
		}
		return out
	case map[string]any:
		return printable(v)
	}
	return v
}

var errNoTemplates = errors.New("templates are not at hand here")
