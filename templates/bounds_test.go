package templates_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rackhand/templates"
)

// TestBombs: a template that would take all memory or never end is an error of its own,
// with its place.
func TestBombs(t *testing.T) {
	double := `{{ $x := "0123456789" }}` + strings.Repeat("\n{{ $x = print $x $x }}", 60)
	for name, c := range map[string]struct{ text, want string }{
		"doubling":                 {double, "print: a text of more than"},
		"doubling, printf":         {strings.ReplaceAll(double, "print $x $x", `printf "%s%s" $x $x`), "printf: a text of more than"},
		"doubling, html":           {strings.ReplaceAll(double, "print $x $x", `html $x $x`), "html: a text of more than"},
		"doubling, js":             {strings.ReplaceAll(double, "print $x $x", `js $x $x`), "js: a text of more than"},
		"doubling, urlquery":       {strings.ReplaceAll(double, "print $x $x", `urlquery $x $x`), "urlquery: a text of more than"},
		"doubling, println":        {strings.ReplaceAll(double, "print $x $x", `println $x $x`), "println: a text of more than"},
		"doubling, indent":         {strings.ReplaceAll(double, "print $x $x", `indent 64 (print "\n" $x $x)`), "a text of more than"},
		"doubling, ksquote":        {"{{ $x := \"'\" }}" + strings.Repeat("{{ $x = ksquote $x }}", 60), "ksquote: a text of more than"},
		"doubling, join":           {"{{ $x := \"0\" }}" + strings.Repeat("{{ $x = join (print $x $x) (list \"ntp\") }}", 60), "a text of more than"},
		"doubling in a definition": {`{{ define "d" }}{{ template "d" (print . .) }}{{ end }}{{ template "d" "x" }}`, "print: a text of more than"},
		"many texts":               {`{{ $x := printf "%900d" 1 }}{{ range 99999 }}{{ $y := print $x $x $x $x }}{{ end }}`, "in all"},
		"a width":                  {`{{ printf "%0999999999d" 1 }}`, "width or precision"},
		"a width of a million":     {`{{ printf "%1000000d" 1 }}`, "width or precision"},
		"a precision":              {`{{ printf "%.999999f" 1.0 }}`, "width or precision"},
		"a width from a value":     {`{{ printf "%*d" 1000000 1 }}`, "width or precision"},
		"many widths":              {`{{ printf "` + strings.Repeat("%999d", 9999) + `" 1 }}`, "printf: a text of more than"},
		"one value again and again": {
			`{{ $x := printf "%999s" "x" }}{{ $x = print $x $x $x $x $x $x $x $x }}{{ printf "` + strings.Repeat("%[1]s", 9999) + `" $x }}`,
			"printf: a text of more than",
		},
		"a template that calls itself": {`{{ define "d" }}{{ template "d" . }}{{ end }}{{ template "d" . }}`, "more than 100000 steps"},
		"one that calls itself twice":  {`{{ define "d" }}{{ template "d" . }}{{ template "d" . }}{{ end }}{{ template "d" . }}`, "more than 100000 steps"},
		"a loop":                       {`{{ range 999999999999 }}x{{ end }}`, "more than 100000 steps"},
		"a loop of nothing":            {"\n{{ range 999999999999 }}{{ end }}", "more than 100000 steps"},
		"a loop that goes on":          {`{{ range 999999999999 }}{{ continue }}{{ end }}`, "more than 100000 steps"},
		"a loop that asks":             {`{{ range 999999999999 }}{{ if eq 1 2 }}{{ end }}{{ end }}`, "more than 100000 steps"},
		"a loop that assigns":          {`{{ $x := 0 }}{{ range $i := 999999999999 }}{{ $x = $i }}{{ end }}`, "more than 100000 steps"},
		"loops in loops":               {strings.Repeat("{{ range 100 }}", 50) + strings.Repeat("{{ end }}", 50), "more than 100000 steps"},
		"long questions":               {`{{ range 9999 }}{{ if or ` + strings.Repeat("false ", 999) + `}}{{ end }}{{ end }}`, "more than 100000 steps"},
		"much output":                  {`{{ $x := printf "%999s" "" }}{{ range 9999 }}{{ $x }}{{ end }}`, "renders to more than"},
		"deep blocks":                  {strings.Repeat("{{ if true }}", 20000) + strings.Repeat("{{ end }}", 20000), "nested more than"},
		"a long chain":                 {"{{ if false }}" + strings.Repeat("{{ else if false }}", 20000) + "{{ end }}", "nested more than"},
		"deep parentheses":             {"{{" + strings.Repeat("(", 200000) + "1" + strings.Repeat(")", 200000) + "}}", "depth"},
	} {
		t.Run(name, func(t *testing.T) {
			h := host()
			h.Variables["ntp"] = []any{"a", "b", "c"}
			_, err := folder(t, map[string]string{"t.ks": c.text}).Render("t.ks", data(h), templates.Funcs(h, secret))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %.300v, want %q", err, c.want)
			}
			var at *templates.Error
			if c.want != "nested more than" && (!errors.As(err, &at) || at.Place.File != "templates/t.ks" || at.Place.Line < 1) {
				t.Errorf("it has no place: %.300v", err)
			}
			if !strings.Contains(err.Error(), "t.ks") {
				t.Errorf("it names no file: %.300v", err)
			}
		})
	}
}

// TestWithinBounds: the bounds don't change the result of templates.
func TestWithinBounds(t *testing.T) {
	h := host()
	var list []any
	for i := range 500 {
		list = append(list, fmt.Sprint("host", i))
	}
	h.Variables["many"] = list
	text := `{{ range list "many" }}{{ printf "%-20s" . }}{{ . | ksquote }} {{ print . "," . }}{{ if eq . "host7" }}{{ indent 4 . }}{{ else if eq . "host8" }}8{{ end }}
{{ end }}{{ range $i := 3 }}{{ $i }}{{ end }}{{ join "," (list "many") }}{{ printf "%5d|%.2f|%x|%%|%[1]d" 7 2.5 255 }}`
	out, err := folder(t, map[string]string{"t.ks": text}).Render("t.ks", data(h), templates.Funcs(h, secret))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out, "host0               host0 host0,host0\n") || !strings.HasSuffix(out, "host498,host499    7|2.50|ff|%|7") || !strings.Contains(out, "012host0,host1,") {
		t.Errorf("%.200q ... %q", out, out[len(out)-100:])
	}
}
