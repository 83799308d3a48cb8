package role

import (
	"slices"
	"strings"
	"testing"

	"rackhand/config/problem"
	"rackhand/config/schema/schematest"
	"rackhand/inventory/role/kind"
)

// Every key that the reader knows stands in the schema with an example that both
// take.
func TestJSONSchema(t *testing.T) {
	data, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	schematest.Golden(t, "../../docs/schema/role.schema.json", data, *update)
	schematest.Case{
		Shape: shape(), Docs: docs(), JSON: data,
		Load: func(data []byte) problem.Problems {
			_, problems := parse("web", data)
			return problems
		},
		Base: baseRole,
		Name: func(string) string { return "web" },
	}.Agree(t)
}

// baseRole is a role in which a key can stand.
func baseRole(path string) string {
	if path == "checks.as" {
		return "checks: [{http: {port: 80}, each: [a]}]\n"
	}
	if strings.HasPrefix(path, "checks") {
		kind, key, _ := strings.Cut(strings.TrimPrefix(path, "checks."), ".")
		switch {
		case key == "address":
			return "checks: [{from: host, " + kind + ": {port: 80}}]\n"
		case kind == "http" && key != "", kind == "tcp" && key != "":
			return "checks: [{" + kind + ": {port: 80, tls: true}}]\n"
		case kind == "exec" && key != "":
			return "checks: [{exec: {command: [a]}}]\n"
		case kind == "systemd" && key != "":
			return "checks: [{systemd: {failed: 0}}]\n"
		case kind == "tcp", kind == "exec", kind == "systemd":
			return "checks: [{within: 5s}]\n"
		}
		return "checks: [{http: {port: 80}}]\n"
	}
	if strings.HasPrefix(path, "include") {
		return "include: [{role: site}]\nparameters: {name: {}}\n"
	}
	if strings.HasPrefix(path, "parameters.*.fields.*.fields") {
		return "parameters: {web: {type: record, fields: {web: {type: record}}}}\n"
	}
	if strings.HasPrefix(path, "parameters.*.fields") {
		return "parameters: {web: {type: record}}\n"
	}
	if strings.HasPrefix(path, "parameters") {
		return "parameters: {}\n"
	}
	key := strings.TrimPrefix(path, "resources.")
	if k, ok := kind.Find(key); ok {
		return "resources: [{" + k.Needs + "}]\n"
	}
	for _, k := range kind.All() {
		if _, ok := k.Fields[key]; !ok {
			continue
		}
		instead := map[string]string{"source": "content:", "template": "content:", "schedule": "minute:"}[key]
		needs := slices.DeleteFunc(strings.Split(k.Needs, ", "), func(need string) bool {
			return strings.HasPrefix(need, key+":") || instead != "" && strings.HasPrefix(need, instead)
		})
		switch key { // what goes with it
		case "always":
			needs = []string{"command: [x]"}
		case "membership":
			needs = []string{"groups: [a]"}
		case "remove_home":
			needs = []string{"ensure: absent"}
		}
		return "resources: [{" + k.Name + ": " + k.Example + ", " + strings.Join(needs, ", ") + "}]\n"
	}
	if key == "as" {
		return "resources: [{package: nginx, each: [a]}]\n"
	}
	return "resources: [{package: nginx}]\n"
}
