package role

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/provision/catalog"
)

// declared is a role with one parameter p, whose value a file shows.
func declared(parameter, content string) string {
	return "parameters:\n  p: {" + parameter + "}\nresources:\n  - file: /x\n    content: \"" + content + "\"\n"
}

// with gives the host a variable.
func with(name string, v any) func(*Input) {
	return func(in *Input) { in.Host.Variables[name] = v }
}

func TestParameterValues(t *testing.T) {
	for _, tt := range []struct {
		parameter string
		value     any // nil for none
		want      string
	}{
		{"", "a b", "a b"},
		{"", "", ""},
		{"default: 1.10", nil, "1.10"},
		{"default: 1.10", "2", "2"},
		{"default: '${host.name}/${var.colour}'", nil, "web1/green"},
		{"type: int", "-12", "-12"},
		{"type: bool", "yes", "true"},
		{"type: bool, default: no", nil, "false"},
		{"type: port", "65535", "65535"},
		{"type: path", "/srv/www", "/srv/www"},
		{"type: duration", "1h30m", "1h30m"},
		{"type: bytes", "512KiB", "512KiB"},
		{"type: bytes", "8388607TiB", "8388607TiB"},
		{"values: [small, large]", "large", "large"},
		{"type: port, values: [80, 443]", "443", "443"},
	} {
		change := func(*Input) {}
		if tt.value != nil {
			change = with("p", tt.value)
		}
		c, err := compileText(t, declared(tt.parameter, "${param.p}"), change)
		if err != nil {
			t.Errorf("%s, %v: %v", tt.parameter, tt.value, err)
			continue
		}
		if got := c.Catalog.Resources[0].File.Content; got != tt.want {
			t.Errorf("%s, %v: %q, want %q", tt.parameter, tt.value, got, tt.want)
		}
	}
}

// A whole ${param.NAME} keeps its type, and an entry of a map has its own.
func TestParameterWhole(t *testing.T) {
	c, err := compileText(t, `
parameters:
  check: {type: list(string), default: [nginx, "-t"]}
  modes: {type: map(string), default: {small: 0644}}
  on: {type: bool, default: yes}
  title: {default: nginx}
resources:
  - file: /x
    content: x
    validate: ${param.check}
    mode: ${param.modes.small}
  - service: ${param.title}
    running: ${param.on}
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	on := true
	want := []any{
		&catalog.File{Path: "/x", Ensure: "file", Content: "x", Mode: "0644", Validate: []string{"nginx", "-t"}},
		&catalog.Service{Name: "nginx", Running: &on},
	}
	got := []any{c.Catalog.Resources[0].File, c.Catalog.Resources[1].Service}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every mistake has the place of the value, and of the declaration.
func TestParameterProblems(t *testing.T) {
	const at = "roles/r.yaml:2:"
	origin := func(v any) func(*Input) {
		return func(in *Input) {
			in.Host.Variables["p"] = v
			in.Origins = func(string) []inventory.Origin {
				return []inventory.Origin{{Layer: "host web1", Value: v, At: "hosts.yaml:7:9"}, {Layer: "defaults", Value: "weak", At: "a.yaml:1:1"}}
			}
		}
	}
	host := func(text string) string {
		return "hosts.yaml:7:9: for host web1: parameter p of role r (declared at roles/r.yaml:2:3): " + text
	}
	for _, tt := range []struct {
		parameter, content string
		change             func(*Input)
		want               string
	}{
		{"type: strng", "", nil, at + `13: parameter p: "strng" is no type`},
		{"type: list(text)", "", nil, `"text" is no type`},
		{"type: list(list(list(list(int))))", "", nil, "nested deeper than 4"},
		{"tpye: int", "", nil, at + `7: parameter p: unknown key "tpye"`},
		{"type: int, default: x", "", nil, at + `27: parameter p: default: "x" is not a value of type int`},
		{"type: list(int), default: [1, x]", "", nil, `parameter p: default: item 2: "x" is not a value of type int`},
		{"type: list(int), default: 1", "", nil, `"1" is not a list(int)`},
		{"type: map(int), default: {a: [1]}", "", nil, "default: a: a list is not a value of type int"},
		{"default: a, required: true", "", nil, at + "29: parameter p: a required parameter needs no default"},
		{"required: false", "", nil, "without a default it is required"},
		{"merge: unique", "", nil, at + "14: parameter p: merge: unique is for lists"},
		{"type: list(int), merge: deep", "", nil, "merge: deep is for mappings"},
		{"type: int, values: [1, b]", "", nil, at + `30: parameter p: values: "b" is not a value of type int`},
		{"values: [small, large], default: lagre", "", nil, `did you mean "large"?`},
		{"default: '${secret.app/password}'", "", nil, "a secret can't stand here"},
		{"default: '${param.p}'", "", nil, "another parameter can't stand here"},
		{"default: a", "${param.q}", nil, `roles/r.yaml:5:14: role r has no parameter "q"`},
		{"type: map(int), default: {a: 1}", "${param.p.b}", nil, `role r has no parameter "p.b"`},
		{"type: map(int), default: {a: 1}", "${param.p}", nil, "is a mapping, not one value"},
		{"required: true", "", nil, at + "3: host web1 has no value for the parameter p of role r"},
		{"type: port", "", origin("0"), host(`"0" is not a value of type port`)},
		{"type: port", "", origin("080"), host(`"080" is not a value of type port`)},
		{"type: int", "", origin("9223372036854775808"), host(`"9223372036854775808" is not`)},
		{"type: bool", "", origin("on"), host(`"on" is not a value of type bool`)},
		{"type: path", "", origin("srv"), host(`"srv" is not a value of type path`)},
		{"type: duration", "", origin("5"), host(`"5" is not a value of type duration`)},
		{"type: duration", "", origin("-5s"), host(`"-5s" is not a value of type duration`)},
		{"type: bytes", "", origin("8388608TiB"), host(`"8388608TiB" is not a value of type bytes`)},
		{"type: bytes", "", origin("5MB"), host(`"5MB" is not a value of type bytes`)},
		{"", "", origin([]any{"a"}), host("a list is not a value of type string")},
		{"values: [small]", "", origin("large"), host(`"large" is not one of its values`)},
		{"type: list(string), values: [small]", "", origin([]any{"large"}), host(`item 1: "large" is not one of its values`)},
		{"type: int", "", origin(inventory.SecretRef("app/password")), host("a secret has the type string")},
	} {
		_, err := compileText(t, declared(tt.parameter, tt.content), tt.change)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %q", tt.parameter, err, tt.want)
		}
	}
}

// Layers go together as the parameter says. The strongest comes first.
func TestParameterMerge(t *testing.T) {
	layers := func(values ...any) func(*Input) {
		return func(in *Input) {
			in.Host.Variables["p"] = values[0]
			in.Origins = func(string) (all []inventory.Origin) {
				for _, v := range values {
					all = append(all, inventory.Origin{Value: v, At: "hosts.yaml:1:1"})
				}
				return all
			}
		}
	}
	list := func(items ...any) []any { return items }
	deep := layers(
		map[string]any{"a": map[string]any{"x": "1"}, "c": map[string]any{"x": "6"}},
		map[string]any{"a": map[string]any{"x": "2", "y": "3"}, "b": map[string]any{"x": "4"}},
	)
	for _, tt := range []struct {
		parameter, content string
		change             func(*Input)
		want               string
	}{
		{"type: list(string), default: [d]", "", layers(list("a"), list("b")), "a"},
		{"type: list(string), merge: unique, default: [d]", "", layers(list("b", "a"), list("c", "a")), "b a c"},
		{"type: list(string), merge: unique, default: [d]", "", nil, "d"},
		{"type: map(map(int)), merge: deep", "${param.p.a.x} ${param.p.a.y} ${param.p.b.x} ${param.p.c.x}", deep, "1 3 4 6"},
	} {
		text := declared(tt.parameter, tt.content)
		if tt.content == "" {
			text += "    validate: ${param.p}\n"
		}
		c, err := compileText(t, text, tt.change)
		if err != nil {
			t.Errorf("%s: %v", tt.parameter, err)
			continue
		}
		f := c.Catalog.Resources[0].File
		if got := f.Content + strings.Join(f.Validate, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.parameter, got, tt.want)
		}
	}
	if _, err := compileText(t, declared("type: map(map(int)), merge: deep", "${param.p.a.y}"), layers(map[string]any{"a": map[string]any{"x": "1"}})); err == nil {
		t.Error("without the weaker layer there is no a.y")
	}
	_, err := compileText(t, declared("type: list(int), merge: unique", ""), layers(list("1"), list("x")))
	if err == nil || !strings.Contains(err.Error(), `item 1: "x" is not a value of type int`) {
		t.Errorf("a weak layer's mistake: %v", err)
	}
}

// A parameter may hold the name of a secret. It stands only where a secret may.
func TestParameterSecret(t *testing.T) {
	change := func(in *Input) {
		in.Host.Variables["p"] = inventory.SecretRef("app/password")
		in.Host.Variables["list"] = []any{inventory.SecretRef("app/password")}
	}
	c, err := compileText(t, declared("", "pw=${param.p}"), change)
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Catalog.Resources[0].File; f.Content != "pw=hunter2" || !f.Sensitive {
		t.Errorf("%+v", f)
	}
	for text, want := range map[string]string{
		declared("", "x") + "    owner: ${param.p}\n":                                                                                          "the parameter p is a secret",
		declared("", "x") + "  - package: ${param.p}\n":                                                                                        "the parameter p is a secret",
		declared("default: a}\n  q: {default: \"${var.p}\"", "x") + "    owner: ${param.q}\n":                                                  "the parameter q is a secret",
		declared("default: a}\n  q: {default: \"x${var.p}\"", "x"):                                                                             "${var.p} is a secret, and can't be a part of a text",
		"parameters:\n  list: {type: list(string)}\n" + strings.SplitN(declared("", "x"), "  p: {}\n", 2)[1] + "    validate: ${param.list}\n": "the parameter list is a secret",
	} {
		_, err := compileText(t, text, change)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

// Templates see parameters with their types.
func TestParameterInTemplate(t *testing.T) {
	in := testInput("")
	in.Host.Variables["on"] = "no"
	var data Data
	in.Render = func(_ string, d any, _ func(string) (string, error)) (string, error) {
		data = d.(Data)
		return "", nil
	}
	r, problems := parse("r", []byte(`
parameters:
  on: {type: bool}
  ports: {type: list(port), default: [80, 443]}
  sizes: {type: map(bytes), default: {a: 1MiB}}
resources:
  - file: /x
    template: t
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, err := (&Set{roles: map[string]*role{"r": r}}).Compile([]string{"r"}, in); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"on": false, "ports": []any{80, 443}, "sizes": map[string]any{"a": "1MiB"}}
	if diff := cmp.Diff(want, data.Param); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
