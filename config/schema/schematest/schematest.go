// Package schematest tests JSON Schemas: it validates YAML with a real validator,
// and checks for every key that schema and reader agree.
package schematest

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// Golden compares a file with what it should hold, or writes it.
func Golden(t *testing.T, path string, got []byte, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what the reader says; run with -update (-file +reader):\n%s", path, diff)
	}
}

// A Validator checks YAML against one JSON Schema.
type Validator struct{ schema *jsonschema.Schema }

// New compiles a JSON Schema.
func New(t *testing.T, data []byte) *Validator {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return &Validator{s}
}

// Validate reads YAML as an editor does and checks it.
func (v *Validator) Validate(data []byte) error {
	var doc any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return err
	}
	if doc == nil {
		doc = map[string]any{} // nothing but comments
	}
	return v.schema.Validate(plain(doc))
}

// plain makes of YAML's values those that JSON has.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case map[any]any:
		m := map[string]any{}
		for key := range v {
			m[fmt.Sprint(key)] = plain(v[key])
		}
		return m
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return fmt.Sprint(v)
		}
	case time.Time:
		return v.Format(time.DateOnly)
	}
	return v
}

// A Case is a schema, its reader, and files to try its keys in.
type Case struct {
	Shape *schema.Shape
	Docs  schema.Docs
	JSON  []byte
	// Load reads a file.
	Load func(data []byte) problem.Problems
	// Base is a file, as YAML, in which a key can stand. It contains everything that the key
	// needs.
	Base func(path string) string
	// Name stands for * in a path.
	Name func(path string) string
}

// Agree tries every key of a schema. Reader and validator must both accept each of its
// examples. Both must reject a misspelt neighbour, and a mapping without a required key.
func (c Case) Agree(t *testing.T) {
	v := New(t, c.JSON)
	for path, s := range c.walk("", c.Shape) {
		doc := c.Docs[path]
		if leaf(s) && len(doc.Examples) == 0 && !c.shownAbove(path) {
			t.Errorf("%s has no example", path)
		}
		for _, e := range doc.Examples {
			c.try(t, v, path, e, true)
		}
		if doc.Default != "" {
			c.try(t, v, path, doc.Default, true)
		}
		if s.Fields == nil || s.Text {
			continue
		}
		c.try(t, v, path+".no_such_key", "x", false)
		for _, key := range doc.Required {
			data := c.file(t, path, func(root map[string]any) { delete(find(root, c.parts(path+"."+key)), key) })
			c.expect(t, v, path+" without "+key, data, false)
		}
	}
}

func leaf(s *schema.Shape) bool {
	return s.Fields == nil && s.Each == nil && (s.List == nil || s.List.Fields == nil)
}

// shownAbove: a key within a mapping whose own examples show it.
func (c Case) shownAbove(path string) bool {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return false
	}
	return slices.ContainsFunc(c.Docs[path[:i]].Examples, func(e string) bool { return strings.Contains(e, path[i+1:]+":") })
}

// walk yields every key that isn't only refused.
func (c Case) walk(path string, s *schema.Shape) map[string]*schema.Shape {
	all := map[string]*schema.Shape{path: s}
	below := func(key string, s *schema.Shape) {
		if !s.Empty() {
			maps.Copy(all, c.walk(strings.TrimPrefix(path+"."+key, "."), s))
		}
	}
	for key, f := range s.Fields {
		below(key, f)
	}
	if s.Each != nil {
		below("*", s.Each)
	}
	if s.List != nil {
		for key, f := range s.List.Fields {
			below(key, f)
		}
	}
	return all
}

func (c Case) try(t *testing.T, v *Validator, path, value string, good bool) {
	t.Helper()
	var parsed yaml.Node
	if err := yaml.Unmarshal([]byte(value), &parsed); err != nil {
		t.Fatal(err)
	}
	parts := c.parts(path)
	data := c.file(t, path, func(root map[string]any) { find(root, parts)[parts[len(parts)-1]] = parsed.Content[0] })
	c.expect(t, v, path, data, good)
}

func (c Case) expect(t *testing.T, v *Validator, what string, data []byte, good bool) {
	t.Helper()
	problems, err := c.Load(data), v.Validate(data)
	if (len(problems) == 0) != good {
		t.Errorf("%s: the reader should take it: %t; it says:\n%s\n%s", what, good, problems, data)
	}
	if (err == nil) != good {
		t.Errorf("%s: the schema should take it: %t; it says: %v\n%s", what, good, err, data)
	}
}

// parts are the keys of a path, with names for *.
func (c Case) parts(path string) []string {
	path = strings.TrimPrefix(path, ".")
	parts := strings.Split(path, ".")
	for i, p := range parts {
		if p == "*" {
			parts[i] = c.Name(strings.Join(parts[:i], "."))
		}
	}
	return parts
}

// file is the base with a change.
func (c Case) file(t *testing.T, path string, change func(root map[string]any)) []byte {
	t.Helper()
	root := map[string]any{}
	if err := yaml.Unmarshal([]byte(c.Base(path)), &root); err != nil {
		t.Fatal(err)
	}
	change(root)
	data, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// find is the mapping that holds the last part, made where it isn't there.
func find(m map[string]any, parts []string) map[string]any {
	for _, p := range parts[:len(parts)-1] {
		if list, ok := m[p].([]any); ok && len(list) > 0 {
			m, _ = list[0].(map[string]any)
			continue
		}
		below, ok := m[p].(map[string]any)
		if !ok {
			below = map[string]any{}
			m[p] = below
		}
		m = below
	}
	return m
}
