package roletest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
)

// compare reports the fields of a resource that differ.
func (t *test) compare(e expected, r catalog.Resource) {
	fields, err := fieldsOf(r)
	if err != nil {
		e.id.Problem("", "test %q: %v", t.name, err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(e.fields)) {
		want := e.fields[name]
		got, there := fields[name]
		if !there {
			hint := problem.DidYouMean(name, slices.Sorted(maps.Keys(fields)))
			want.Problem(hint, "test %q: %s has no %s", t.name, r.ID, name)
			continue
		}
		if why := differs(want, got); why != "" {
			want.Problem("", "test %q: %s: %s %s", t.name, r.ID, name, why)
		}
	}
}

// fieldsOf are the fields of a resource as its catalog has them: texts, lists and mappings of
// texts.
func fieldsOf(r catalog.Resource) (map[string]any, error) {
	kind, spec := r.Kind()
	fields := map[string]any{}
	for _, part := range []any{spec, map[string]any{"require": append([]string{}, r.Require...), "notify": append([]string{}, r.Notify...)}} {
		b, err := json.Marshal(part)
		if err == nil {
			err = json.Unmarshal(b, &fields)
		}
		if err != nil {
			return nil, fmt.Errorf("the fields of a %s: %w", kind, err)
		}
	}
	return role.Texts(fields).(map[string]any), nil
}

// differs says how a value differs from the one that is wanted; "" if it doesn't. {contains:
// TEXT} and {matches: REGEXP} look at a part of a text, or of one item of a list.
func differs(want schema.Node, got any) string {
	plain := want.Any()
	conditions, isMap := plain.(map[string]any)
	if !isMap || !only(conditions, "contains", "matches", "lacks") {
		if list, isList := got.([]any); isList {
			if one, isText := plain.(string); isText {
				plain = []any{one}
			}
			if reflect.DeepEqual(plain, any(list)) {
				return ""
			}
		}
		if reflect.DeepEqual(plain, got) {
			return ""
		}
		return fmt.Sprintf("is %s, not %s", shown(got), shown(plain))
	}
	for _, how := range slices.Sorted(maps.Keys(conditions)) {
		text, ok := conditions[how].(string)
		if !ok {
			return fmt.Sprintf("can't be compared: %s takes a text", how)
		}
		found, err := holds(how, text, got)
		if err != nil {
			return fmt.Sprintf("can't be compared: %v", err)
		}
		if !found {
			verb := map[string]string{"contains": "doesn't contain", "matches": "doesn't match", "lacks": "contains"}[how]
			return fmt.Sprintf("%s %q: it is %s", verb, text, shown(got))
		}
	}
	return ""
}

func only(m map[string]any, keys ...string) bool {
	for key := range m {
		if !slices.Contains(keys, key) {
			return false
		}
	}
	return len(m) > 0
}

// holds reports whether a condition is true of a text, or of one item of a list; lacks has to
// be true of all.
func holds(how, text string, got any) (bool, error) {
	var all []string
	switch got := got.(type) {
	case string:
		all = []string{got}
	case []any:
		for _, item := range got {
			all = append(all, fmt.Sprint(item))
		}
	}
	is := func(s string) bool { return strings.Contains(s, text) }
	if how == "matches" {
		re, err := regexp.Compile(text)
		if err != nil {
			return false, err
		}
		is = re.MatchString
	}
	return slices.ContainsFunc(all, is) != (how == "lacks"), nil
}

func shown(v any) string {
	const most = 300
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	text := string(b)
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return text
}
