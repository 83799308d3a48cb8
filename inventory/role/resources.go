package role

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"time"

	"rackhand/inventory"
	"rackhand/provision/catalog"
)

// resources resolves the declarations; identical ones become one, and their
// notify and require are united.
func (c *compiler) resources(s *scope) {
	for i := range s.role.resources {
		d := &s.role.resources[i]
		for _, step := range c.items(s, d) {
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
	n := c.resource(s, d, step)
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
	a, b := first.Resource, n.Resource
	a.Source, b.Source = "", ""
	if !reflect.DeepEqual(a, b) {
		c.addf(d.at, "keep one of them, or make them the same", "%s%s is declared differently at %s%s",
			n.ID, d.from(step)+s.via(), first.decl.at, first.decl.from(first.item)+first.scope.via())
		return
	}
	first.notify = append(first.notify, n.notify...)
	first.require = append(first.require, n.require...)
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// resource resolves one declaration, nil when it is at fault (reported).
func (c *compiler) resource(s *scope, d *declaration, step item) *node {
	before := c.problems.Len()
	f := c.fields(s, d.fields, d.kind)
	f.loop, f.item = d.loop, step
	name, ok := f.scalar(d.kind, spec{typ: title, known: []string{d.kind}}, d.title)
	if !ok {
		return nil
	}
	n := &node{decl: d, scope: s, item: step}
	switch d.kind {
	case catalog.KindPackage:
		with := f.bool("with_dependants")
		n.Package = &catalog.Package{Name: name, Ensure: or(f.text("ensure"), catalog.Present), WithDependants: with != nil && *with}
	case catalog.KindFile:
		name = path.Clean(name)
		n.File = c.file(f, name)
	case catalog.KindService:
		n.Service = &catalog.Service{
			Name: name, Running: f.bool("running"), Enabled: f.bool("enabled"), Refresh: f.text("refresh"),
			Settle: seconds(f.duration("settle", 0)),
		}
	}
	n.ID = catalog.ID(d.kind, name)
	n.Source = d.at.String()
	n.Deadline = seconds(f.duration("deadline", 0))
	n.notify, n.require = cleaned(f.list("notify")), cleaned(f.list("require"))
	if c.problems.Len() > before {
		return nil
	}
	if err := n.Validate(); err != nil {
		c.addf(d.at, "", "%s, for host %s: %v", n.ID, c.in.Host.Name, err)
		return nil
	}
	return n
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// cleaned writes the paths in ids as the ids of files have them.
func cleaned(targets []target) []target {
	for i, t := range targets {
		m := idForm.FindStringSubmatch(t.id)
		if m != nil && m[1] == catalog.KindFile && path.IsAbs(m[2]) {
			targets[i].id = catalog.ID(m[1], path.Clean(m[2]))
		}
	}
	return targets
}

func (c *compiler) file(f *resolver, name string) *catalog.File {
	file := &catalog.File{
		Path: name, Ensure: or(f.text("ensure"), catalog.FileKind),
		Mode: f.text("mode"), Owner: f.text("owner"), Group: f.text("group"),
	}
	for _, word := range f.list("validate") {
		file.Validate = append(file.Validate, word.id)
	}
	if b := f.bool("sensitive"); b != nil {
		file.Sensitive = *b
	}
	var source Source
	var err error
	field := ""
	switch {
	case f.has("content"):
		source.Text = f.text("content")
	case f.has("source"):
		field = "source"
		if text := f.text(field); text != "" {
			source, err = c.readSource(text)
		}
	case f.has("template"):
		field = "template"
		if text := f.text(field); text != "" {
			source.Text, err = c.render(text, f)
		}
	}
	file.Content, file.SHA256, file.Size = source.Text, source.SHA256, source.Size
	file.Sensitive = file.Sensitive || f.secret
	if most := int64(catalog.MaxSecret); err == nil && file.Sensitive && max(file.Size, int64(len(file.Content))) > most {
		err = fmt.Errorf("it has more than %d MiB: a sensitive file is held in memory, so that is the limit", most>>20)
	}
	if before := c.texts; err == nil {
		if c.texts += len(file.Content); c.texts > catalog.MaxTexts && before <= catalog.MaxTexts {
			err = fmt.Errorf("with it, the texts of this role's files have more than %d MiB: bring large files by source", catalog.MaxTexts>>20)
		}
	}
	if err != nil {
		if field == "" {
			field = "content"
		}
		c.addf(f.fields[field].at, "", "%s, for host %s: %v", field, c.in.Host.Name, err)
	}
	return file
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
	data := Data{Host: c.in.Host, Role: f.scope.role.name, Var: printable(c.in.Host.Variables), Param: f.scope.typed()}
	data.Appliance.URL = c.in.Appliance
	if f.loop != nil {
		data.Each = printable(f.item.values())
	}
	return c.in.Render(name, data, func(secret string) (string, error) {
		f.secret = true
		return c.secret(secret)
	})
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
