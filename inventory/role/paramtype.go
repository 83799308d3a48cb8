package role

import (
	"fmt"
	"maps"
	"math/bits"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/role/kind"
)

// A paramType is the type of a parameter.
type paramType struct {
	name   string                // string, int, ..., list, map, record
	item   *paramType            // of a list's items and a map's values
	fields map[string]*parameter // of a record
}

func scalarTypes() []string {
	return []string{"string", "int", "bool", "port", "path", "duration", "bytes"}
}

// parseType reads a type such as list(map(int)).
func parseType(text string) (t paramType, hint string, err error) {
	const maxDepth = 4
	outer, inner := &t, text
	for range maxDepth {
		outer.name = inner
		switch {
		case slices.Contains(scalarTypes(), inner) || inner == recordType:
			return t, "", nil
		case inner == hostType:
			outer.fields = hostFields()
			return t, "", nil
		}
		name, rest, open := strings.Cut(inner, "(")
		if !open || name != "list" && name != "map" || !strings.HasSuffix(rest, ")") {
			known := append(scalarTypes(), recordType, hostType, "list(string)", "map(string)")
			return t, typeHint(inner, known), fmt.Errorf("%.40q is no type", inner)
		}
		outer.name, outer.item = name, &paramType{}
		outer, inner = outer.item, strings.TrimSuffix(rest, ")")
	}
	return t, "", fmt.Errorf("%.40q is nested deeper than %d types", text, maxDepth)
}

func (t paramType) String() string {
	if t.item != nil {
		return t.name + "(" + t.item.String() + ")"
	}
	return t.name
}

// check returns a value as the type has it. Scalars stay texts, as written; a bool is true
// or false. values are the only scalars that fit, if there are any. A partial value, of one of
// several layers, needs no field of a record.
func (t paramType) check(v any, values []string, partial bool) (out any, hint string, err error) {
	if t.fields != nil {
		return anyRecord(t.record(v, partial))
	}
	switch t.name {
	case "list":
		items, ok := v.([]any)
		if !ok {
			return nil, "write [a, b], or lines that begin with a dash", fmt.Errorf("%s is not a %s", describe(v), t)
		}
		list := make([]any, len(items))
		for i, item := range items {
			if list[i], hint, err = t.item.check(item, values, partial); err != nil {
				return nil, hint, withinItem(i, err)
			}
		}
		return list, "", nil
	case "map":
		entries, ok := v.(map[string]any)
		if !ok {
			return nil, "write {a: 1, b: 2}, or lines of key: value", fmt.Errorf("%s is not a %s", describe(v), t)
		}
		m := make(map[string]any, len(entries))
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			item := entries[key]
			if m[key], hint, err = t.item.check(item, values, partial); err != nil {
				return nil, hint, within(key, err)
			}
		}
		return m, "", nil
	}
	if _, secret := v.(inventory.SecretRef); secret {
		if t.name != "string" || len(values) > 0 {
			return nil, "", fmt.Errorf("a secret has the type string, and no list of values")
		}
		return v, "", nil
	}
	text, ok := v.(string)
	if !ok {
		return nil, "", fmt.Errorf("%s is not a value of type %s", describe(v), t)
	}
	if text, hint, err = t.scalar(text); err != nil {
		return nil, hint, err
	}
	if len(values) > 0 && !slices.Contains(values, text) {
		return nil, problem.DidYouMean(text, values), fmt.Errorf("%.40q is not one of its values", text)
	}
	return text, "", nil
}

// anyRecord makes a record an any, and none of a nil one.
func anyRecord(m map[string]any, hint string, err error) (any, string, error) {
	if err != nil {
		return nil, hint, err
	}
	return m, "", nil
}

// inner is the type of an entry of a mapping, or of the items of a list.
func (t paramType) inner(key string) paramType {
	if p := t.fields[key]; p != nil {
		return p.typ
	}
	if t.item != nil {
		return *t.item
	}
	return paramType{name: "string"}
}

func describe(v any) string {
	if text, ok := v.(string); ok {
		return fmt.Sprintf("%.40q", text)
	}
	return kindOf(v)
}

var (
	intForm   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	bytesForm = regexp.MustCompile(`^(0|[1-9][0-9]*)(B|KiB|MiB|GiB|TiB)?$`)
)

// scalar checks one text.
func (t paramType) scalar(text string) (canonical, hint string, err error) {
	ok := true
	switch t.name {
	case "int":
		_, err := strconv.ParseInt(text, 10, 64)
		ok, hint = err == nil && intForm.MatchString(text), "write a whole number without leading zeros"
	case "bool":
		b, known := kind.ParseBool(text)
		if known {
			text = strconv.FormatBool(b)
		}
		ok, hint = known, "write true or false"
	case "port":
		n, err := strconv.Atoi(text)
		ok, hint = err == nil && intForm.MatchString(text) && n >= 1 && n <= 65535, "write a number from 1 to 65535"
	case "path":
		ok, hint = path.IsAbs(text) && !strings.ContainsAny(text, "\x00\r\n"), "write it as /path"
	case "duration":
		d, err := time.ParseDuration(text)
		ok, hint = err == nil && d >= 0, "write a number with its unit: 90s, 15m"
	case "bytes":
		_, ok = parseBytes(text)
		hint = "write a whole number with its unit: 512KiB, 10MiB, 2GiB"
	}
	if !ok {
		return "", hint, fmt.Errorf("%.40q is not a value of type %s", text, t)
	}
	return text, "", nil
}

// innermost is the type of the scalars, or of the records.
func (t paramType) innermost() paramType { return *t.innermostOf() }

func (t *paramType) innermostOf() *paramType {
	for t.item != nil {
		t = t.item
	}
	return t
}

// parseBytes is a size in bytes; false if it isn't well written, or above 2^63-1.
func parseBytes(text string) (int, bool) {
	m := bytesForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(m[1], 10, 64)
	shift := map[string]int{"KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}[m[2]]
	return int(n << shift), err == nil && bits.Len64(n)+shift <= 63
}

// typed is a checked value for templates: an int, a bool, or the text.
func (t paramType) typed(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = t.inner("").typed(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = t.inner(key).typed(item)
		}
		return out
	case string:
		switch t.name {
		case "bool":
			return v == "true"
		case "int", "port":
			if n, err := strconv.Atoi(v); err == nil {
				return n
			}
		}
	}
	return v
}

// typeHint is for the names of other languages, such as Puppet's.
func typeHint(text string, known []string) string {
	word := strings.ToLower(text)
	if i := strings.LastIndex(word, "::"); i >= 0 {
		word = word[i+2:]
	}
	word, _, _ = strings.Cut(word, "[")
	switch word {
	case "integer", "number", "numeric":
		return "write int"
	case "boolean":
		return "write bool"
	case "str", "text":
		return "write string"
	case "array", "tuple", "list":
		return "write list(string), or another type in the parentheses"
	case "hash", "dict", "map":
		return "write map(string), or another type in the parentheses; record for known fields"
	case "struct", "object":
		return "write record, with fields"
	case "enum":
		return "write values: [A, B] instead of a type"
	case "optional", "variant", "any", "data":
		return "write one type; a parameter with a default is optional"
	case "absolutepath", "unixpath":
		return "write path"
	case "sensitive":
		return "write string; its value may be a secret"
	}
	if slices.Contains(known, word) {
		return "write " + word
	}
	return problem.DidYouMean(text, known)
}
