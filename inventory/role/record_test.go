package role

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/config/problem"
	"rackhand/inventory"
)

const sitesRole = `parameters:
  sites:
    type: map(record)
    merge: deep
    fields:
      server_name: {type: string, description: its name}
      port: {type: port, default: 80}
      tls: {type: bool, default: no}
      size: {values: [small, large], default: small}
      limits: {type: record, default: {rate: 5}, fields: {rate: {type: int}, burst: {type: int, default: 10}}}
      paths: {type: list(record), default: [], fields: {path: {type: path}}}
resources:
  - file: /${site.key}
    content: "${site.value.server_name} ${site.value.port} ${site.value.tls} ${site.value.size} ${site.value.limits.rate} ${site.value.limits.burst}"
    each: ${param.sites}
    as: site
    when: site.value.port < 9000 && site.value.limits.burst > 1 && !site.value.tls && len(site.value.paths) < 2
`

func site1(v map[string]any) func(*Input) { return with("sites", map[string]any{"a": v}) }

func TestRecord(t *testing.T) {
	c, err := compileText(t, sitesRole, func(in *Input) {
		in.Host.Variables["sites"] = map[string]any{}
		in.Origins = func(string) []inventory.Origin {
			return []inventory.Origin{
				{Layer: "host web1", At: "hosts.yaml:9:5", Value: map[string]any{"a": map[string]any{"port": "8080"}, "c": map[string]any{"server_name": "c", "limits": map[string]any{"rate": "1"}}}},
				{Layer: "group web", At: "hosts.yaml:3:5", Value: map[string]any{"a": map[string]any{"server_name": "x.example", "port": "1", "size": "large"}, "b": map[string]any{"server_name": "b", "port": "9001"}}},
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range c.Catalog.Resources {
		got = append(got, r.ID+" "+r.File.Content)
	}
	// A stronger layer's default doesn't override a weaker layer's value.
	if diff := cmp.Diff([]string{"file[/a] x.example 8080 false large 5 10", "file[/c] c 80 false small 1 10"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecordProblems(t *testing.T) {
	for _, tt := range []struct {
		value      map[string]any
		want, hint string
	}{
		{map[string]any{"port": "80"}, "parameter sites of role r (declared at roles/r.yaml:2:3): a: the field server_name is missing", "give the field a default"},
		{map[string]any{"server_name": "x", "prot": "80"}, "a: prot: the record has no such field", `did you mean "port"?`},
		{map[string]any{"server_name": "x", "port": "0"}, `a: port: "0" is not a value of type port`, ""},
		{map[string]any{"server_name": "x", "size": "big"}, `a: size: "big" is not one of its values`, ""},
		{map[string]any{"server_name": "x", "limits": map[string]any{"rate": "x"}}, `a: limits: rate: "x" is not a value of type int`, ""},
		{map[string]any{"server_name": "x", "paths": []any{map[string]any{"path": "x"}}}, `a: paths: item 1: path: "x" is not a value of type path`, ""},
		{map[string]any{"server_name": []any{"x"}}, "a: server_name: a list is not a value of type string", ""},
	} {
		_, err := compileText(t, sitesRole, site1(tt.value))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.hint) {
			t.Errorf("%v: %v; want %s, %s", tt.value, err, tt.want, tt.hint)
		}
	}
	_, err := compileText(t, sitesRole, with("sites", map[string]any{"a": "x"}))
	if err == nil || !strings.Contains(err.Error(), `a: "x" is not a record`) {
		t.Errorf("a text for a record: %v", err)
	}
	deep := "{type: record, fields: {x: {type: record, fields: {x: {type: record, fields: {x: {type: record, fields: {x: {type: record, fields: {x: }}}}}}}}}}"
	for text, want := range map[string]string{
		"parameters:\n  p: {type: record}\n":                                                                                                    "roles/r.yaml:2:6: parameter p: a record needs fields",
		"parameters:\n  p: {fields: {a: }}\n":                                                                                                   "roles/r.yaml:2:15: parameter p: the type string has no fields",
		"parameters:\n  p: {type: recrd}\n":                                                                                                     `did you mean "record"?`,
		"parameters:\n  p: {type: record, fields: {a: {tpe: int}}}\n":                                                                           `roles/r.yaml:2:34: parameter p: field a: unknown key "tpe"`,
		"parameters:\n  p: {type: record, fields: {a: {type: itn}}}\n":                                                                          `roles/r.yaml:2:40: parameter p: field a: "itn" is no type`,
		"parameters:\n  p: {type: record, fields: {a: {merge: deep}}}\n":                                                                        `field a: unknown key "merge"`,
		"parameters:\n  p: {type: record, fields: {a: {default: \"${host.name}\"}}}\n":                                                          `roles/r.yaml:2:43: parameter p: field a: the default of a field takes no ${...}`,
		"parameters:\n  p: {type: record, fields: {a: {type: int, default: x}}}\n":                                                              `roles/r.yaml:2:54: parameter p: field a: default: "x" is not a value of type int`,
		"parameters:\n  p: {type: list(record), fields: {a: {type: int}}, default: [{a: 1}, {a: x}]}\n":                                         `roles/r.yaml:2:75: parameter p: default: item 2: a: "x" is not`,
		"parameters:\n  p: {type: record, values: [a], fields: {a: {type: int}}}\n":                                                             "a record has no list of values",
		"parameters:\n  p: " + deep + "\n":                                                                                                      "records lie deeper than 4 in each other",
		"parameters:\n  p: {type: record, fields: {a b: }}\n":                                                                                   `"a b" can't be a field`,
		"parameters: {p: {type: record, fields: {a: {type: record, fields: {b: }}}}}\nresources:\n  - package: x-${param.p.a.c}\n":              `roles/r.yaml:3:14: ${param.p.a.c}: the record has no field "c"`,
		"parameters: {p: {type: map(record), fields: {port: }}}\nresources:\n  - package: x-${s.value.prot}\n    each: ${param.p}\n    as: s\n": `did you mean "port"?`,
		"parameters: {p: {type: list(host)}}\nchecks:\n  - http: {path: \"/${each.value.nam}\"}\n    each: ${param.p}\n":                        `roles/r.yaml:3:18: ${each.value.nam}: the record has no field "nam"`,
		"parameters: {p: {type: record, fields: {a: {type: int}}, default: {a: 1}}}\nresources:\n  - package: x\n    when: param.p.b == 1\n":    `roles/r.yaml:4:19: when: unknown field b`,
	} {
		_, err := compileText(t, text, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", text, err, want)
		}
	}
	_, problems, _ := compileRoles(t, map[string]string{"a": "include:\n  - role: r\n    with:\n      sites:\n        x: {server_name: y, port: 0}\n", "r": sitesRole}, nil)
	if !strings.Contains(problems.String(), "roles/a.yaml:5:35: include: parameter sites of role r") {
		t.Errorf("a value of an include: %v", problems)
	}
}

// A problem in an inventory's file shows its line.
func TestProblemLine(t *testing.T) {
	_, err := compileText(t, "parameters: {p: {type: port}}\n", func(in *Input) {
		in.Host.Variables["p"] = "x"
		in.Origins = func(string) []inventory.Origin { return []inventory.Origin{{At: "hosts.yaml:9:8", Value: "x"}} }
		in.Files = inventoryFiles{}
	})
	if err == nil || !strings.Contains(err.Error(), "    p: x\n           ^") {
		t.Errorf("%v", err)
	}
	_, err = compileText(t, sitesRole, func(in *Input) {
		v := map[string]any{"a": map[string]any{"server_name": "x", "paths": []any{map[string]any{"path": "x"}}}}
		in.Host.Variables["sites"] = v
		in.Origins = func(string) []inventory.Origin { return []inventory.Origin{{At: "hosts.yaml:9:8", Value: v}} }
		in.Files = inventoryFiles{}
	})
	if err == nil || !strings.Contains(err.Error(), "hosts.yaml:9:32: for host web1: parameter sites of role r") {
		t.Errorf("a part of a value: %v", err)
	}
}

// inventoryFiles have one line, and each key or item of a path moves the place.
type inventoryFiles struct{}

func (inventoryFiles) Line(file string, line int) string {
	if file == "hosts.yaml" && line == 9 {
		return "    p: x"
	}
	return ""
}

func (inventoryFiles) Within(at problem.Place, path []string) problem.Place {
	at.Column += len(strings.Join(path, "/")) + 10
	if strings.Join(path, "/") != "a/paths/1/path" {
		at.Column = 1
	}
	return at
}
