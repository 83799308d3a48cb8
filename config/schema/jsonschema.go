package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A Doc adds texts and limits to the shape of a key, for people and editors.
type Doc struct {
	// Text says what the key is for, in one or two sentences.
	Text string
	// Pattern is the expression that a text must match (regexp syntax that JavaScript also
	// knows); "" for any text.
	Pattern string
	// Names is the expression that each name in a mapping of names must match; "" for any.
	Names string
	// Examples are values as YAML, each one that a reader takes.
	Examples []string
	// Default is the value that holds when the key isn't there, as YAML.
	Default string
	// Required are the keys that must stand in a mapping of known keys.
	Required []string
	// NotEmpty is set for a list that needs an entry.
	NotEmpty bool
}

// Docs are the Doc of keys by their path: hosts.*.bmc.user, where * stands
// for any name. The path of the whole file is "".
type Docs map[string]Doc

// A jsonSchema is a part of a JSON Schema (draft 7), as far as it is used here.
type jsonSchema struct {
	Schema      string                 `json:"$schema,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Type        any                    `json:"type,omitempty"`
	Enum        []any                  `json:"enum,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`
	Minimum     *int64                 `json:"minimum,omitempty"`
	Maximum     *int64                 `json:"maximum,omitempty"`
	Default     any                    `json:"default,omitempty"`
	Examples    []any                  `json:"examples,omitempty"`
	AnyOf       []*jsonSchema          `json:"anyOf,omitempty"`
	Items       *jsonSchema            `json:"items,omitempty"`
	MinItems    int                    `json:"minItems,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Properties  map[string]*jsonSchema `json:"properties,omitempty"`
	Names       *jsonSchema            `json:"propertyNames,omitempty"`
	Additional  any                    `json:"additionalProperties,omitempty"`
}

// JSON writes a shape as JSON Schema, draft 7, which yaml-language-server reads
// for completion, hover and checks in editors. Keys that are known only to be
// refused don't stand in it. A key without a Doc, and a Doc without a key, are
// errors.
func JSON(title string, s *Shape, docs Docs) ([]byte, error) {
	w := &writer{docs: docs, used: map[string]bool{}}
	top := w.schema("", s)
	top.Schema, top.Title = "http://json-schema.org/draft-07/schema#", title
	for path := range docs {
		if !w.used[path] {
			w.fail("%q has a text, but there is no such key", path)
		}
	}
	if len(w.wrong) > 0 {
		slices.Sort(w.wrong)
		return nil, fmt.Errorf("%s: %s", title, strings.Join(w.wrong, "; "))
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(top); err != nil {
		return nil, fmt.Errorf("%s: %w", title, err)
	}
	return out.Bytes(), nil
}

type writer struct {
	docs  Docs
	used  map[string]bool
	wrong []string
}

func (w *writer) fail(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// schema describes the value of a key.
func (w *writer) schema(path string, s *Shape) *jsonSchema {
	doc, ok := w.docs[path]
	if !ok || doc.Text == "" {
		w.fail("the key %q has no text", path)
	}
	w.used[path] = true
	j := w.value(path, s, doc)
	j.Description = doc.Text
	for _, e := range doc.Examples {
		j.Examples = append(j.Examples, w.yaml(path, e))
	}
	if doc.Default != "" {
		j.Default = w.yaml(path, doc.Default)
	}
	return j
}

// value puts the forms that a value may have together.
func (w *writer) value(path string, s *Shape, doc Doc) *jsonSchema {
	if s.Any {
		return &jsonSchema{}
	}
	var forms []*jsonSchema
	add := func(j *jsonSchema) { forms = append(forms, j) }
	switch {
	case s.OneOf != nil:
		j := &jsonSchema{Type: "string"}
		for _, v := range s.OneOf {
			j.Enum = append(j.Enum, v)
		}
		add(j)
	case s.Bool:
		add(&jsonSchema{Enum: []any{true, false, "true", "false"}})
	case s.Int != nil:
		// Quotes don't matter: the text is read.
		add(&jsonSchema{Type: []string{"integer", "string"}, Minimum: &s.Int.Low, Maximum: &s.Int.High, Pattern: `^[+-]?(0|[1-9][0-9]*)$`})
	case s.Duration != nil:
		add(&jsonSchema{Type: "string", Pattern: `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`})
	case s.Text:
		add(w.text(path, doc.Pattern))
	}
	if s.List != nil {
		item := w.value(path, s.List, doc)
		list := &jsonSchema{Type: []string{"array", "null"}, Items: item}
		if doc.NotEmpty {
			list.Type, list.MinItems = "array", 1
		}
		// One entry without brackets may not be a mapping.
		one := *s.List
		if one.Fields = nil; !one.Empty() && !s.Text {
			add(w.value(path, &one, doc))
		}
		add(list)
	}
	if s.Fields != nil {
		add(w.fields(path, s, doc))
	}
	if s.Each != nil {
		each := &jsonSchema{Type: []string{"object", "null"}, Additional: w.schema(join(path, "*"), s.Each)}
		if doc.Names != "" {
			each.Names = &jsonSchema{Pattern: doc.Names}
		}
		add(each)
	}
	if len(forms) == 1 {
		return forms[0]
	}
	return &jsonSchema{AnyOf: forms}
}

// text describes a scalar that is read as it is written: 0644, 1.10 and true are
// texts here, and may be numbers and truth values to an editor.
func (w *writer) text(path, pattern string) *jsonSchema {
	form, err := regexp.Compile(pattern)
	if err != nil {
		w.fail("%q: %v", path, err)
		return &jsonSchema{}
	}
	types := []string{"string"}
	if form.MatchString("1") || form.MatchString("123456789012") {
		types = append(types, "number")
	}
	if form.MatchString("true") {
		types = append(types, "boolean")
	}
	if len(types) == 1 {
		return &jsonSchema{Type: types[0], Pattern: pattern}
	}
	return &jsonSchema{Type: types, Pattern: pattern}
}

// fields describes a mapping of known keys.
func (w *writer) fields(path string, s *Shape, doc Doc) *jsonSchema {
	j := &jsonSchema{
		Type: []string{"object", "null"}, Additional: false,
		Properties: map[string]*jsonSchema{}, Required: doc.Required,
	}
	if len(doc.Required) > 0 {
		j.Type = "object"
	}
	for key, value := range s.Fields {
		if !value.Empty() {
			j.Properties[key] = w.schema(join(path, key), value)
		}
	}
	for _, key := range doc.Required {
		if j.Properties[key] == nil {
			w.fail("%q must have the key %q, which isn't known", path, key)
		}
	}
	return j
}

// yaml reads a value of a Doc as an editor would.
func (w *writer) yaml(path, text string) any {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		w.fail("%q: the example %s is no YAML", path, text)
	}
	if t, ok := v.(time.Time); ok {
		return t.Format(time.DateOnly)
	}
	if _, ok := v.(int); ok && len(text) > 1 && text[0] == '0' {
		return text // 0644: a reader takes the digits, JSON would have 420
	}
	return v
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
