package inventory

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"golang.org/x/tools/txtar"

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

func TestJSONSchema(t *testing.T) {
	schematest.Golden(t, "../docs/schema/inventory.schema.json", jsonSchema(t), *update)
}

// Every key that the reader knows stands in the schema with an example that both
// take.
func TestJSONSchemaAgrees(t *testing.T) {
	schematest.Case{
		Shape: shape(), Docs: docs(), JSON: jsonSchema(t),
		Load: func(data []byte) problem.Problems {
			_, problems := Parse("a.yaml", data, Options{})
			return problems
		},
		Base: baseFile,
		Name: func(path string) string {
			switch {
			case strings.HasSuffix(path, ".vendors"):
				return "Supermicro"
			case strings.HasSuffix(path, ".options"):
				return "224"
			case strings.HasSuffix(path, ".variables"):
				return "mode"
			}
			return map[string]string{"networks": "rack1", "systems": "debian12", "groups": "web", "hosts": "web1"}[path]
		},
	}.Agree(t)
}

// baseFile is an inventory in which a key may stand.
func baseFile(path string) string {
	network, system := "gateway: 10.77.0.1", "installer: image, image: debian12"
	switch {
	case path == "systems.*.media":
		system = "installer: anaconda, release: RHEL9, media: x.iso"
	case path == "networks.*.gateway", path == "networks.*.dhcp":
		network = ""
	case strings.HasPrefix(path, "networks.*.routes"):
		network += ", routes: [{to: 10.0.0.0/8, via: 10.77.0.254}]"
	case strings.HasPrefix(path, "networks.*.options.*"):
		network += ", options: {224: {hex: 00}}"
	}
	bmc := "{address: 10.77.0.99, user: a, password: {secret: b}}"
	return `
defaults: {kickstart: base.ks, bmc: {user: a, password: {secret: b}}}
networks: {rack1: {subnet: 10.77.0.0/24, ` + network + `}}
systems: {debian12: {bmc: {user: a, password: {secret: b}}, ` + system + `}}
groups: {web: {bmc: {user: a, password: {secret: b}}}}
hosts: {web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, rack: {name: r1}, bmc: ` + bmc + `}}
`
}

// Every good inventory fits the schema, and every file with an unknown key, as
// far as it is YAML, doesn't.
func TestJSONSchemaOfCorpus(t *testing.T) {
	v := schematest.New(t, jsonSchema(t))
	archives := func(dir string, each func(path string, files []txtar.File)) {
		paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no archives (%v)", err)
		}
		for _, path := range paths {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			each(path, a.Files)
		}
	}
	archives("good", func(path string, files []txtar.File) {
		for _, f := range files {
			if !isYAML(f.Name) || strings.ContainsAny(f.Name, "/#") {
				continue
			}
			if err := v.Validate(f.Data); err != nil {
				t.Errorf("%s: %s: %v", path, f.Name, err)
			}
		}
	})
	refused := 0
	archives("broken", func(path string, files []txtar.File) {
		for _, f := range files {
			_, problems := Parse(f.Name, f.Data, Options{})
			if !isYAML(f.Name) || !strings.Contains(problems.String(), ": unknown key ") {
				continue
			}
			refused++
			if v.Validate(f.Data) == nil {
				t.Errorf("%s: %s: the schema takes what the reader refuses", path, f.Name)
			}
		}
	})
	if refused < 3 {
		t.Errorf("only %d files with unknown keys were tried", refused)
	}
}

// The demo's inventory fits the schema.
func TestJSONSchemaOfDemo(t *testing.T) {
	demo, err := template.ParseFiles("../provision/rack/rehearse/demo/rack.yaml.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	host := map[string]any{"Name": "web1", "MAC": "52:54:00:00:00:01", "Address": "10.77.0.11", "System": "debian12", "Boot": "{secure_boot: true}", "BMC": "address: 10.77.0.111:6230", "Unit": 1}
	err = demo.Execute(&out, map[string]any{
		"DHCP": "authoritative", "Policy": "first-boot",
		"Systems": map[string]string{"debian12": "amd64", "arm": "arm64"}, "Hosts": []any{host},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := schematest.New(t, jsonSchema(t)).Validate(out.Bytes()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}
