package config

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// The keys of the schema, of the Config's fields and of reference.yaml are the
// same, so none of the three can be forgotten.
func TestKeysAgree(t *testing.T) {
	r := reader{config: Default(), list: &problem.List{}}
	nested := map[string]schema.Fields{
		"age": r.ageFields(), "page": r.pageFields(), "mirror": r.mirrorFields(), "install": r.installFields(),
		"limits": r.limitsFields(), "keep": r.keepFields(), "agent": r.agentFields(), "bmc": r.bmcFields(), "metrics": r.metricsFields(), "munin": r.muninFields(), "events": r.eventsFields(),
	}
	var known []string
	for key := range r.fields() {
		if len(nested[key]) == 0 {
			known = append(known, key)
		}
		for sub := range maps.Keys(nested[key]) {
			known = append(known, key+"."+sub)
		}
	}
	slices.Sort(known)

	typed := fieldKeys(reflect.TypeFor[Config](), "")
	slices.Sort(typed)
	if diff := cmp.Diff(typed, known); diff != "" {
		t.Errorf("fields of Config against keys of the schema (-fields +schema):\n%s", diff)
	}

	data, err := os.ReadFile("reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list problem.List
	root, ok := schema.Parse("reference.yaml", data, &list)
	if !ok {
		t.Fatal(list.Problems())
	}
	var shown []string
	root.Each("reference", func(name string, _, value schema.Node) {
		if nested[name] == nil {
			shown = append(shown, name)
			return
		}
		value.Each(name, func(sub string, _, _ schema.Node) { shown = append(shown, name+"."+sub) })
	})
	slices.Sort(shown)
	if diff := cmp.Diff(known, shown); diff != "" {
		t.Errorf("keys of the schema against reference.yaml (-schema +reference):\n%s", diff)
	}
}

// hump is where a word begins within a name: ReportDays is report_days.
var hump = regexp.MustCompile("([a-z])([A-Z])")

// fieldKeys are the keys that a struct's fields have in YAML.
func fieldKeys(t reflect.Type, prefix string) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + strings.ToLower(hump.ReplaceAllString(f.Name, "${1}_$2"))
		if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == t.PkgPath() {
			keys = append(keys, fieldKeys(f.Type, key+".")...)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}
