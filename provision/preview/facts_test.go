package preview

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory/role"
	"rackhand/provision/converge/facts"
)

// Roles know the names of all facts that an agent sends, and no others.
func TestFactKeys(t *testing.T) {
	keys := []string{"custom"}
	add := func(prefix string, of reflect.Type) {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			keys = append(keys, prefix+name)
		}
	}
	all := reflect.TypeFor[facts.Facts]()
	add("", all)
	for i := range all.NumField() {
		field := all.Field(i)
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); field.Type.Kind() == reflect.Pointer {
			add(name+".", field.Type.Elem())
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if diff := cmp.Diff(keys, role.FactKeys()); diff != "" {
		t.Errorf("facts of an agent (-) and of roles (+):\n%s", diff)
	}
}
