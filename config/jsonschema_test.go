package config

import (
	"os"
	"strings"
	"testing"

	"rackhand/config/problem"
	"rackhand/config/schema/schematest"
)

func jsonSchema(t *testing.T) []byte {
	t.Helper()
	data, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every key that the reader knows stands in the schema with an example that both
// take.
func TestJSONSchemaAgrees(t *testing.T) {
	schematest.Case{
		Shape: shape(), Docs: docs(), JSON: jsonSchema(t),
		Load: func(data []byte) problem.Problems {
			_, problems := Parse("/etc/rackhand/rackhand.yaml", data)
			return problems
		},
		Base: func(string) string { return "interfaces: [eth1]\n" },
		Name: func(string) string { return "debian" },
	}.Agree(t)
}

func TestJSONSchemaOfExamples(t *testing.T) {
	v := schematest.New(t, jsonSchema(t))
	for _, path := range []string{"minimal.yaml", "reference.yaml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Validate(data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		// The first line leads an editor to the schema.
		line, _, _ := strings.Cut(string(data), "\n")
		at, ok := strings.CutPrefix(line, "# yaml-language-server: $schema=")
		if _, err := os.Stat(at); !ok || err != nil {
			t.Errorf("%s: the first line, %q, leads to no schema: %v", path, line, err)
		}
	}
	if err := v.Validate([]byte("interfaces: [eth1]\nhttp: 80000\n")); err == nil {
		t.Error("a port of 80000 is taken")
	}
}
