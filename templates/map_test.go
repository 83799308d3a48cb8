package templates_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rackhand/templates"
)

// TestOverrides: a site overrides one block of a built-in template by a file or by its
// own template, and the more special wins.
func TestOverrides(t *testing.T) {
	const own = `{{ define "users" }}# users of own.ks
{{ end }}{{ template "base.ks" . }}`
	for name, tt := range map[string]struct {
		template string
		files    map[string]string
		has, not []string
	}{
		"as built in":         {"base.ks", nil, []string{"rootpw", "part swap", "sshkey"}, nil},
		"by a file":           {"base.ks", map[string]string{"users.ks": "# mine {{ .Host.Name }}\n"}, []string{"# mine web1", "part swap"}, []string{"rootpw"}},
		"by a special file":   {"base.ks", map[string]string{"users.ks": "# mine\n", "base.users.ks": "# special\n"}, []string{"# special"}, []string{"rootpw", "# mine"}},
		"of another template": {"base.ks", map[string]string{"rhel.users.ks": "# special\n"}, []string{"rootpw"}, []string{"# special"}},
		"by an own template":  {"own.ks", map[string]string{"own.ks": own, "users.ks": "# mine\n"}, []string{"# users of own.ks", "part swap"}, []string{"rootpw", "# mine"}},
		"with what was there": {"base.ks", map[string]string{"users.ks": "# before\n{{ template \"default users\" . }}"}, []string{"# before", "rootpw", "sshkey"}, nil},
		"removed":             {"base.ks", map[string]string{"users.ks": ""}, []string{"part swap"}, []string{"rootpw"}},
		"removed by own":      {"own.ks", map[string]string{"own.ks": `{{ define "users" }}{{ end }}{{ template "base.ks" . }}`}, []string{"part swap"}, []string{"rootpw"}},
		"with an own snippet": {"base.ks", map[string]string{"users.ks": `{{ template "mine.ks" . }}`, "mine.ks": "# snippet\n"}, []string{"# snippet"}, []string{"rootpw"}},
		"used before it is included": {"own.ks", map[string]string{
			"own.ks": `{{ template "last" . }}{{ template "lib.ks" . }}`, "lib.ks": `{{ define "last" }}# last{{ end }}`,
		}, []string{"# last"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := host()
			got, err := folder(t, tt.files).Render(tt.template, data(h), templates.Funcs(h, secret))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.has {
				if !strings.Contains(got, want) {
					t.Errorf("without %q:\n%s", want, got)
				}
			}
			for _, no := range tt.not {
				if strings.Contains(got, no) {
					t.Errorf("with %q:\n%s", no, got)
				}
			}
		})
	}
}

// TestIncludes: missing and wrong parts are reported with their place.
func TestIncludes(t *testing.T) {
	many := map[string]string{}
	for i := range 70 {
		many[fmt.Sprintf("i%d.ks", i)] = fmt.Sprintf(`{{ template "i%d.ks" . }}`, i+1)
	}
	for want, files := range map[string]map[string]string{
		"templates/t.ks includes gone.ks":      {"t.ks": `{{ template "gone.ks" . }}`},
		"templates/in.ks:2:1: missing value":   {"t.ks": `{{ template "in.ks" . }}`, "in.ks": "a\n{{ if }}"},
		"templates/in.ks:2:1: function":        {"t.ks": `{{ template "in.ks" . }}`, "in.ks": "a\n{{ nope }}"},
		"templates/in.ks:2:7: <.Nope>":         {"t.ks": `{{ template "in.ks" . }}`, "in.ks": "a\nüü {{ .Nope }}"},
		"templates/base.users.ks:1:4: <.Nope>": {"t.ks": `{{ template "base.ks" . }}`, "base.users.ks": "{{ .Nope }}"},
		"more than 64 files":                   merged(many, map[string]string{"t.ks": `{{ template "i0.ks" . }}`}),
		"":                                     {"t.ks": `{{ template "t.ks" . }}`}, // deeper than text/template goes
	} {
		h := host()
		got, err := folder(t, files).Render("t.ks", data(h), templates.Funcs(h, secret))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		var e *templates.Error
		if strings.HasPrefix(want, "templates/in.ks") && (!errors.As(err, &e) || e.Place.Line != 2 || e.Place.Builtin || e.Place.Text == "") {
			t.Errorf("%v: without its place", err)
		}
	}
}

func merged(a, b map[string]string) map[string]string {
	for k, v := range b {
		a[k] = v
	}
	return a
}

// TestMap: each line of the text leads to the line that wrote it.
func TestMap(t *testing.T) {
	set := folder(t, map[string]string{
		"t.ks": strings.Join([]string{
			"one",
			"{{ range list \"ssh_keys\" -}}",
			"key {{ . }} end",
			"{{ end -}}",
			"{{ block \"b\" . }}in block{{ end }}",
			"{{- /* a comment */ -}}",
			"{{ $x := 1 }}{{ template \"in.ks\" . }}",
			"ü{{ .Host.Name }}ü last",
		}, "\n"),
		"in.ks": "\nincluded\n  {{- if true }} yes{{ else }} no{{ end }}\n",
	})
	h := host()
	h.Variables["ssh_keys"] = []any{"first", "second\nwith a line"}
	text, where, err := set.RenderMapped("t.ks", data(h), templates.Funcs(h, secret))
	if err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]string{
		"one":      "templates/t.ks:1:1",
		"key":      "templates/t.ks:3:1",
		"first":    "templates/t.ks:3:5",
		"second":   "templates/t.ks:3:5",
		"with":     "templates/t.ks:3:5",
		"end":      "templates/t.ks:3:13",
		"in block": "templates/t.ks:5:18",
		"included": "templates/in.ks:2:1",
		"yes":      "templates/in.ks:3:18",
		"web1":     "templates/t.ks:8:2",
		"last":     "templates/t.ks:8:20",
	} {
		i := strings.Index(text, part)
		if i < 0 {
			t.Fatalf("no %q in %q", part, text)
		}
		line := strings.Count(text[:i], "\n") + 1
		col := len([]rune(text[strings.LastIndex(text[:i], "\n")+1:i])) + 1
		if got := where.At(line, col).String(); got != want {
			t.Errorf("%q (%d:%d) is said to be at %s, not %s", part, line, col, got, want)
		}
	}
	if p := where.At(9999, 9999); p.File == "" {
		t.Errorf("behind the end: %v", p)
	}
	if p := where.At(0, 0); p.File == "" {
		t.Errorf("before the beginning: %v", p)
	}
}

// FuzzTemplate: any template renders or says where it fails, and every place of the text
// leads into a file.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"", "x", "{{ .Host.Name }}", "a\n{{- range $i, $k := list \"ssh_keys\" -}}\n{{ $i }}{{ $k }}{{ else }}none{{ end }}\n",
		`{{ define "a" }}{{ .Gateway }}{{ end }}{{ template "a" . }}{{ block "b" . }}ü{{ end }}`, "{{ template \"t.ks\" . }}",
		"{{ with .Nope }}", "{{/* c */}}", `{{ printf "%s" 5 }}`, "{{ indent 3 \"a\\nb\" }}{{ break }}", "{{ addr 5 .Host.Address }}", "\x00{{ 1 }}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := host()
		out, where, err := folder(t, map[string]string{"t.ks": text}).RenderMapped("t.ks", data(h), templates.Funcs(h, secret))
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without a word")
			}
			return
		}
		for i, line := range strings.Split(out, "\n") {
			for _, col := range []int{1, len(line)/2 + 1, len(line) + 2} {
				p := where.At(i+1, col)
				if out == "" {
					continue
				}
				if p.File != "templates/t.ks" || p.Line < 1 || p.Line > strings.Count(text, "\n")+1 || p.Col < 1 {
					t.Fatalf("%d:%d leads to %+v", i+1, col, p)
				}
			}
		}
	})
}

// TestFrozen: a frozen set sees a template as it was, with each host's own values.
func TestFrozen(t *testing.T) {
	set := folder(t, map[string]string{"t.ks": `{{ var "x" }} {{ .Host.Name }}`, "bad.ks": "{{ if }}"}).Frozen()
	for _, name := range []string{"a", "b"} {
		h := host()
		h.Name, h.Variables["x"] = name, "x of "+name
		if got, err := set.Render("t.ks", data(h), templates.Funcs(h, secret)); err != nil || got != "x of "+name+" "+name {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := set.Render("bad.ks", data(h), templates.Funcs(h, secret)); err == nil {
			t.Error("a broken template renders")
		}
	}
}

func BenchmarkRender(b *testing.B) {
	for name, set := range map[string]*templates.Set{"read each time": templates.New(""), "frozen": templates.New("").Frozen()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h := host()
				if _, err := set.Render("base.ks", data(h), templates.Funcs(h, secret)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
