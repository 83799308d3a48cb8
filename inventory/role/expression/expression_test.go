package expression

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// host has the fields of another host.
type host struct {
	Name    string   `expr:"name"`
	Address string   `expr:"address"`
	Roles   []string `expr:"roles"`
}

func testNames() Names {
	checkQuery := func(text string) (string, error) {
		if !strings.HasPrefix(text, "role=") {
			return "write role=NAME", errors.New("no query")
		}
		return "", nil
	}
	return Names{
		Values: Map{
			"facts": Map{
				"os":     Map{"id": String, "version": String, Extra: Any},
				"memory": Map{"total": Int, Extra: Any},
				"disks":  List(Map{"name": String, "bytes": Int, Extra: Any}),
				"dmi":    Map{Extra: String},
				"custom": Map{Extra: Any},
				Extra:    Any,
			},
			"host":  Map{"name": String, "roles": List(String)},
			"param": Map{"port": Int, "on": Bool, "names": List(String), "wait": Of(time.Second), "site": Map{"name": String, "port": Int}, "map": Map{Extra: Int}, "big": List(String)},
		},
		Open: []string{"facts"},
		Functions: map[string]Function{
			"hosts":           {Returns: []host{}, Check: checkQuery},
			"hosts.addresses": {Returns: []string{}, Check: checkQuery},
		},
	}
}

func testValues() map[string]any {
	hosts := func(string) (any, error) {
		return []host{{"web1", "10.0.0.1", []string{"web"}}, {"web2", "10.0.0.2", nil}}, nil
	}
	big := make([]any, 10_000)
	for i := range big {
		big[i] = strings.Repeat("x", 1000)
	}
	return map[string]any{
		"facts": map[string]any{
			"os":     map[string]any{"id": "debian", "version": "12"},
			"memory": map[string]any{"total": 8 << 30},
			"disks":  []any{map[string]any{"name": "sda", "bytes": 1 << 40}, map[string]any{"name": "sdb", "bytes": 1.5}},
			"custom": map[string]any{"zone": "a", "weight": 3},
		},
		"host": map[string]any{"name": "web1", "roles": []any{"base", "web"}},
		"param": map[string]any{
			"port": 80, "on": true, "names": []any{"a", "b"}, "wait": 90 * time.Second, "site": map[string]any{"name": "x", "port": 8080},
			"map": map[string]any{"a": 1}, "big": big,
		},
		"hosts":           hosts,
		"hosts.addresses": func(string) (any, error) { return []string{"10.0.0.1"}, nil },
	}
}

func TestRun(t *testing.T) {
	for text, want := range map[string]any{
		`facts.os.id == "debian"`:                        true,
		`facts.os.id == 'debian' && param.on`:            true,
		`facts.os["id"] in ["debian", "ubuntu"]`:         true,
		`int(facts.os.version) >= 12`:                    true,
		`facts.memory.total > 4 * 1024 * 1024 * 1024`:    true,
		`any(facts.disks, .bytes > 1000)`:                true,
		`any(facts.disks, {#.name == "nvme0n1"})`:        false,
		`count(facts.disks, .name startsWith "sd") == 2`: true,
		`len(facts.disks) == 2 and not param.on`:         false,
		`(facts.x ?? 'default') == 'default'`:            true,
		`(facts.custom.zone ?? "b") == "a"`:              true,
		`(facts.custom.none ?? "b") == "b"`:              true,
		`facts.custom.none == nil`:                       true,
		`facts.dmi?.vendor == "Dell"`:                    false,
		`facts.custom.weight == 3.0`:                     true,
		`"web" in host.roles`:                            true,
		`host.name matches "^web[0-9]+$"`:                true,
		`param.port == 80 ? param.on : false`:            true,
		`param.wait > duration("1m")`:                    true,
		`"a" in param.map`:                               true,
		`param.site.port == 8080`:                        true,
		`len(hosts("role=web")) == 2`:                    true,
		`hosts("role=web").addresses == ["10.0.0.1"]`:    true,
		`any(hosts("role=web"), .name == host.name)`:     true,
		`all(hosts("role=web"), len(.roles) < 2)`:        true,
		`hosts("role=web")[0].address == "10.0.0.1"`:     true,
		`let n = len(param.names); n > 1 && n < 3`:       true,
		`sum(map(param.names, len(#))) == 2`:             true,
		`facts.custom.none.deep == 1`:                    "1:19: cannot fetch deep from a missing value",
		`facts.custom.zone > 3`:                          "invalid operation: string > int",
		`facts.custom.zone`:                              "it must be true or false, but it is string",
		`facts.custom.weight contains "x"`:               "wrong type: int, not string",
		"param.on &&\n  facts.custom.none.deep":          "2:21: cannot fetch deep",
		`facts.dmi.vendor == "Dell"`:                     "cannot fetch vendor",
		`facts.disks[7].name == "x"`:                     "index out of range",
	} {
		e, m := New(testNames()).Compile(text)
		if m != nil {
			t.Errorf("%s: %d:%d: %v", text, m.Line, m.Column, m)
			continue
		}
		got, m := e.Run(testValues(), &Budget{MaxWork})
		switch want := want.(type) {
		case bool:
			if m != nil || got != want {
				t.Errorf("%s: %v, %v; want %v", text, got, m, want)
			}
		case string:
			if m == nil || !strings.Contains(fmt.Sprintf("%d:%d: %v", m.Line, m.Column, m), want) {
				t.Errorf("%s: %v, %d:%d: %v; want %s", text, got, m.Line, m.Column, m, want)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		`fact.os.id == "x"`:                                    `1:1: unknown name fact; did you mean "facts"?`,
		`facts.oss.id == "x"`:                                  `1:7: there is no facts.oss; did you mean "os"?`,
		`facts.os.idd == "x"`:                                  `1:10: there is no facts.os.idd; did you mean "id"?`,
		`param.prot == 80`:                                     `1:7: unknown field prot; did you mean "port"?`,
		`param.site.nam == "x"`:                                `1:12: unknown field nam; did you mean "name"?`,
		`param.port == "80"`:                                   `1:12: invalid operation: == (mismatched types int and string)`,
		`param.on && param.port`:                               `1:10: invalid operation: && (mismatched types bool and int)`,
		`param.port`:                                           `0:0: it must be true or false, but it is int; compare it`,
		`host.name`:                                            `it must be true or false, but it is string`,
		`param.on &&`:                                          `1:11: unexpected token EOF; complete it`,
		`param.on &`:                                           `1:10: unexpected`,
		`hosts("group=x") == []`:                               `1:7: no query; write role=NAME`,
		`any(hosts("role=x"), .nam == "x")`:                    `1:23: type expression.host has no field nam; did you mean "name"?`,
		`hosts(1) == []`:                                       `1:7: hosts takes a text in quotes`,
		`replace("a", "b", "c") == "x"`:                        `1:1: unknown name replace`,
		`len(facts.disks) == len(param.port)`:                  `invalid argument for len (type int)`,
		`host.name matches "["`:                                `1:19: error parsing regexp`,
		`host.name matches host.name`:                          `must be a text in quotes`,
		`host.name matches "x{1000}y{1000}z{1000}a{1000}"`:     `states; at most`,
		`$env.facts.os.id == "x"`:                              `1:1: unknown name $env`,
		`let $step = 1; true`:                                  `can't begin with $`,
		`any(param.names, $read(#) == "x")`:                    `unknown name $read`,
		`trim(host.name, "x") == "x"`:                          `trim takes one text`,
		`any(facts.disks, .byte > 1)`:                          ``,
		`param.names == "x"`:                                   `mismatched types a list and string`,
		`host.name matches "` + strings.Repeat("x", 501) + `"`: `at most 500`,
		"param.on\n  && param.prot":                            `2:12: unknown field prot`,
		strings.Repeat("(", 5000):                              `at most 4096 are allowed`,
		"true" + strings.Repeat("||true", 600):                 `exceeds maximum allowed nodes`,
		strings.Repeat("!", 3000) + "true":                     `nodes`,
		`"é" == "é" && param.prot`:                             `1:21: unknown field prot`,
	} {
		e, m := New(testNames()).Compile(text)
		if want == "" {
			if m != nil {
				t.Errorf("%s: %v", text, m)
			}
			continue
		}
		if m == nil {
			t.Errorf("%s: no mistake, %v; want %s", text, e, want)
			continue
		}
		got := fmt.Sprintf("%d:%d: %v; %s", m.Line, m.Column, m, m.Hint)
		if !strings.Contains(got, want) {
			t.Errorf("%.60s:\n  %s\nwant\n  %s", text, got, want)
		}
	}
}

// No expression works or grows without bound. Without the accountant, most of these would
// take years or all memory.
func TestAttacks(t *testing.T) {
	doubled := func(first, step, last string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "let a0 = %s; ", first)
		for i := range 100 {
			fmt.Fprintf(&b, "let a%d = %s; ", i+1, strings.ReplaceAll(step, "P", fmt.Sprint("a", i)))
		}
		return b.String() + strings.ReplaceAll(last, "L", "a100")
	}
	for _, text := range []string{
		`let r = 1..100000; all(r, all(r, all(r, all(r, true))))`,
		`len(1..9000000000000000000) > 0`,
		`len(map(1..1000, 1..1000)) == 1`,
		doubled(`"xxxxxxxx"`, "P+P", `L == ""`),
		doubled(`[1]`, "[P,P]", `L == L`),
		doubled(`[1]`, "[P,P]", `string(L) == ""`),
		doubled(`{"a": 1}`, `{"a": P, "b": P}`, `L in [L]`),
		`len(filter(param.big, # in param.big)) > 0`,
		`all(param.big, {# matches "(a|b|x)*(x{1,900})*y" or true})`,
		`len(split(string(param.big), "")) > 0`,
		`[[1]] | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) | map([#,#]) == []`,
	} {
		e, m := New(testNames()).Compile(text)
		if m != nil {
			t.Errorf("%.60s: %v", text, m)
			continue
		}
		yes, m := e.Run(testValues(), &Budget{1 << 30})
		if m == nil || !strings.Contains(m.Message, "too many steps") && !strings.Contains(m.Message, "too many items") {
			t.Errorf("%.60s: %v, %v", text, yes, m)
		}
	}
}

// Runs share a budget.
func TestBudget(t *testing.T) {
	e, m := New(testNames()).Compile(`all(1..100, # > 0)`)
	if m != nil {
		t.Fatal(m)
	}
	b := &Budget{5000}
	var failed *Mistake
	runs := 0
	for ; failed == nil && runs < 100; runs++ {
		_, failed = e.Run(nil, b)
	}
	if failed == nil || runs < 2 {
		t.Errorf("%d runs, %v", runs, failed)
	}
}

// A hidden value reaches no result.
func TestHidden(t *testing.T) {
	for _, text := range []string{
		`param.site.name == "a"`, `param.site.name != ""`, `param.site.name startsWith "h"`, `param.site.name in ["a"]`, `"a" in values(param.site)`,
		`param.site.name matches "^h"`, `len(param.site.name) > 3`, `upper(param.site.name) == "H"`, `param.site.name + "x" == "x"`, `param.site == {}`, `[param.site.name] == []`,
		`(param.site.name ?? "") == "x"`, `param.site.name[0:1] == "h"`, `param.site.name < "x"`, `string(param.site.name) == "x"`, `let x = param.site; x.name == "x"`,
	} {
		e, m := New(testNames()).Compile(text)
		if m != nil {
			t.Errorf("%s: %v", text, m)
			continue
		}
		values := testValues()
		values["param"] = map[string]any{"site": map[string]any{"name": Hidden{"a secret"}, "port": 1}}
		if yes, m := e.Run(values, &Budget{MaxWork}); m == nil {
			t.Errorf("%s: %v", text, yes)
		}
	}
	e, _ := New(testNames()).Compile(`param.site.port == 1 && "name" in param.site`)
	if yes, m := e.Run(map[string]any{"param": map[string]any{"site": map[string]any{"name": Hidden{"a secret"}, "port": 1}}}, &Budget{MaxWork}); !yes || m != nil {
		t.Errorf("the entry beside a secret: %v, %v", yes, m)
	}
}

func FuzzExpression(f *testing.F) {
	f.Add(`facts.os.id == "debian" && any(hosts("role=web"), .name == host.name)`)
	f.Add(`let r = 1..100; all(r, {# in r}) || param.site.name matches "x{3}"`)
	f.Add(`(facts.dmi?.vendor ?? "none")[0:3] in map(param.names, upper(#))`)
	f.Add(`param.port == 80 ? param.on : hosts("role=x").addresses == []`)
	language := New(testNames())
	f.Fuzz(func(t *testing.T, text string) {
		e, m := language.Compile(text)
		if m != nil {
			if m.Message == "" {
				t.Fatal("a mistake without a message")
			}
			return
		}
		e.Run(testValues(), &Budget{MaxWork})
	})
}
