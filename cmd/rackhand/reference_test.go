package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role"
)

const referencePage = "../../docs/guide/reference.md"

// TestReference holds the reference page against the command line, and against the schemas,
// which hold the readers' own keys.
func TestReference(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Reference\n" +
		"Every command, and every key of the configuration files. NAME stands for any name. " +
		"This page is made from the commands' own help and the JSON Schemas in [docs/schema](../schema/), by `go test ./cmd/rackhand -run TestReference -update`: don't edit it.\n")
	page.WriteString("\n## Commands\nAs in `rackhand help`. Results go to standard output; errors, notes and progress go to standard error. " +
		"Every command takes `--help`. On a terminal, text is as wide as the terminal and has colours, unless NO_COLOR is set.\n")
	page.WriteString(program(t).Markdown())
	section(t, &page, "rackhand.yaml", config.JSONSchema)
	inventorySections(t, &page)
	section(t, &page, "Roles", role.JSONSchema)
	section(t, &page, "Image recipes", image.RecipeSchema)
	generated(t, referencePage, page.String())
}

// generated compares a file with what it should hold, or writes it.
func generated(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s is not what the code says. Run: go test ./cmd/rackhand -run %s -update (-file +code):\n%s", path, t.Name(), diff)
	}
}

// A part is a part of a JSON Schema, as far as the page shows it.
type part struct {
	Description string           `json:"description"`
	Type        any              `json:"type"`
	Enum        []any            `json:"enum"`
	Pattern     string           `json:"pattern"`
	Minimum     *int64           `json:"minimum"`
	Maximum     *int64           `json:"maximum"`
	Default     any              `json:"default"`
	Examples    []any            `json:"examples"`
	AnyOf       []*part          `json:"anyOf"`
	Items       *part            `json:"items"`
	Required    []string         `json:"required"`
	Properties  map[string]*part `json:"properties"`
	Additional  json.RawMessage  `json:"additionalProperties"`
}

func read(t *testing.T, schema func() ([]byte, error)) *part {
	t.Helper()
	data, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	p := &part{}
	if err := json.Unmarshal(data, p); err != nil {
		t.Fatal(err)
	}
	return p
}

// A row is a key: its path, and the rest of its line in the table.
type row struct{ key, cells string }

func section(t *testing.T, page *strings.Builder, heading string, schema func() ([]byte, error)) {
	t.Helper()
	top := read(t, schema)
	fmt.Fprintf(page, "\n## %s\n%s\n\n", heading, top.Description)
	table(page, top.rows("", nil))
}

// inventorySections shows the keys that every layer takes once, and of each layer the
// others.
func inventorySections(t *testing.T, page *strings.Builder) {
	t.Helper()
	top := read(t, inventory.JSONSchema)
	fmt.Fprintf(page, "\n## Inventory\n%s\n", top.Description)
	shared := top.Properties["defaults"].rows("", nil)
	fmt.Fprintf(page, "\n### defaults\n%s The other layers take these keys too; a later layer wins: system, group, host.\n\n", top.Properties["defaults"].Description)
	table(page, shared)
	for _, name := range slices.Sorted(maps.Keys(top.Properties)) {
		if name == "defaults" {
			continue
		}
		layer := top.Properties[name]
		each := layer.each()
		own := each.rows("", nil)
		fmt.Fprintf(page, "\n### %s\n%s", name, layer.Description)
		var lacks []string
		for _, r := range shared {
			if !slices.ContainsFunc(own, func(o row) bool { return bare(o.key) == bare(r.key) }) {
				lacks = append(lacks, "`"+bare(r.key)+"`")
			}
		}
		if len(lacks) < len(shared)/2 {
			own = slices.DeleteFunc(own, func(r row) bool { return slices.Contains(shared, r) })
			page.WriteString(" Each takes the keys of [defaults](#defaults)")
			if len(lacks) > 0 {
				fmt.Fprintf(page, ", but not %s", strings.Join(lacks, ", "))
			}
			if len(own) > 0 {
				page.WriteString(", and these")
			}
			page.WriteString(".")
		}
		page.WriteString("\n\n")
		table(page, own)
	}
}

func bare(key string) string { return strings.TrimSuffix(key, " (required)") }

func table(page *strings.Builder, rows []row) {
	if len(rows) == 0 {
		return
	}
	page.WriteString("| key | value | default | meaning |\n|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(page, "| %s |%s |\n", strings.Replace("`"+r.key+"`", " (required)`", "` (required)", 1), r.cells)
	}
}

// rows lists the keys below a part, each before those within it.
func (p *part) rows(prefix string, rows []row) []row {
	for _, form := range p.forms() {
		for _, key := range slices.Sorted(maps.Keys(form.Properties)) {
			below := form.Properties[key]
			name := prefix + key
			if slices.Contains(form.Required, key) {
				name += " (required)"
			}
			rows = append(rows, row{name, below.cells()})
			rows = below.rows(prefix+key+".", rows)
		}
		if each := form.each(); each != nil {
			rows = append(rows, row{prefix + "NAME", each.cells()})
			rows = each.rows(prefix+"NAME.", rows)
		}
	}
	return rows
}

// forms are the forms that a value may have, a list's entries among them.
func (p *part) forms() []*part {
	forms := []*part{p}
	for _, form := range p.AnyOf {
		forms = append(forms, form)
		if form.Items != nil {
			forms = append(forms, form.Items)
		}
	}
	if p.Items != nil {
		forms = append(forms, p.Items.forms()...)
	}
	// A list of mappings may stand beside one mapping of the same keys.
	return slices.CompactFunc(forms, func(a, b *part) bool { return len(a.Properties) > 0 && len(b.Properties) > 0 })
}

// each is the part for the values of any name, nil without one.
func (p *part) each() *part {
	each := &part{}
	if len(p.Additional) == 0 || json.Unmarshal(p.Additional, each) != nil || each.Description == "" {
		return nil
	}
	return each
}

func (p *part) cells() string {
	def := ""
	if p.Default != nil {
		def = " " + value(p.Default)
	}
	text := strings.ReplaceAll(p.Description, "|", `\|`)
	if len(p.Examples) > 0 && len(p.Enum) == 0 && p.kind() != "true or false" {
		var shown []string
		for _, e := range p.Examples {
			shown = append(shown, value(e))
		}
		text += " For example: " + strings.Join(shown, " or ") + "."
	}
	return fmt.Sprintf(" %s |%s | %s", p.kind(), def, text)
}

// kind says in words which values a key takes.
func (p *part) kind() string {
	if len(p.AnyOf) > 0 {
		var kinds []string
		for _, form := range p.AnyOf {
			if k := form.kind(); !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
		return strings.Join(kinds, " or ")
	}
	switch {
	case slices.Contains(p.Enum, any(true)), strings.Contains(p.Pattern, "(true|false|"):
		return "true or false"
	case len(p.Enum) > 0:
		var values []string
		for _, v := range p.Enum {
			values = append(values, value(v))
		}
		return strings.Join(values, ", ")
	case p.Minimum != nil && p.Maximum != nil:
		return fmt.Sprintf("%d to %d", *p.Minimum, *p.Maximum)
	case p.Items != nil:
		return "list"
	case len(p.Properties) > 0, p.each() != nil:
		return "mapping"
	case strings.Contains(p.Pattern, "(ns|us|µs|ms|s|m|h)"):
		return "duration"
	case p.Type == nil:
		return "any"
	}
	return "text"
}

// value writes a value as YAML on one line.
func value(v any) string {
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	n.Style = yaml.FlowStyle
	data, err := yaml.Marshal(n)
	if err != nil {
		return fmt.Sprint(v)
	}
	return "`" + strings.ReplaceAll(strings.TrimSpace(string(data)), "|", `\|`) + "`"
}
