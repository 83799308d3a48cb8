package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/config/schema/schematest"
	"rackhand/inventory"
	"rackhand/inventory/role"
)

var target = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)

// TestGuideIndex: each page of the guide stands in its index, under its own heading.
func TestGuideIndex(t *testing.T) {
	all := documents(t)
	index := all["docs/guide/README.md"]
	for name, text := range all {
		page, ok := strings.CutPrefix(name, "docs/guide/")
		if !ok || page == "README.md" {
			continue
		}
		heading, _, _ := strings.Cut(strings.TrimPrefix(text, "# "), "\n")
		if line := "| [" + heading + "](" + page + ") |"; !strings.Contains(index, line) {
			t.Errorf("docs/guide/README.md lacks a line that begins with %s", line)
		}
	}
}

// TestGuideExamples tries every example of the guide's pages, and of those beside it,
// as their reader would. An example that it doesn't know how to try is an error.
func TestGuideExamples(t *testing.T) {
	g := newGuide(t)
	tried := map[string]int{}
	for name, text := range documents(t) {
		if !strings.HasPrefix(name, "docs/guide/") && !slices.Contains([]string{"README.md", "CONTRIBUTING.md", "docs/unsupported.md"}, name) {
			continue
		}
		for _, m := range fenced.FindAllStringSubmatch(text, -1) {
			kind, block := m[1], m[2]
			first, _, _ := strings.Cut(block, "\n")
			tried[kind]++
			t.Run(name+" "+first, func(t *testing.T) {
				switch {
				case kind == "":
					g.commands(t, block)
				case kind == "yaml":
					g.yaml(t, first, block)
				case kind == "kickstart":
					g.kickstart(t, block)
				case kind == "text": // a program's output
				default:
					t.Errorf("nothing tries examples in %q: write one of yaml, kickstart, text for what a program prints, or no word for commands", kind)
				}
			})
		}
	}
	if tried["yaml"] < 7 || tried[""] < 6 || tried["kickstart"] == 0 {
		t.Errorf("examples were lost: %v", tried)
	}
}

// guide holds the state that the examples share.
type guide struct {
	commandLine *kong.Node
	rack        string // the inventory's example
	role        string // the role's, which its group has
	site        string // a role's that others include
	schemas     map[string]*schematest.Validator
}

func newGuide(t *testing.T) *guide {
	t.Helper()
	g := &guide{commandLine: commandLine(t), schemas: map[string]*schematest.Validator{}}
	all := documents(t)
	for _, m := range fenced.FindAllStringSubmatch(all["docs/guide/inventory.md"]+all["docs/guide/roles.md"], -1) {
		switch first, _, _ := strings.Cut(m[2], "\n"); first {
		case "# inventory/rack.yaml":
			g.rack = m[2]
		case "# inventory/roles/web.yaml":
			g.role = m[2]
		case "# inventory/roles/site.yaml":
			g.site = m[2]
		}
	}
	if g.rack == "" || g.role == "" {
		t.Fatal("docs/guide has no example that begins with # inventory/rack.yaml, or none with # inventory/roles/web.yaml")
	}
	for name, schema := range map[string]func() ([]byte, error){
		"inventory": inventory.JSONSchema, "role": role.JSONSchema, "config": config.JSONSchema, "image": image.RecipeSchema,
	} {
		data, err := schema()
		if err != nil {
			t.Fatal(err)
		}
		g.schemas[name] = schematest.New(t, data)
	}
	return g
}

// commands are of rackhand, of make, install's, or those of a packaged rackhand.
func (g *guide) commands(t *testing.T, block string) {
	var packaged []byte
	for _, name := range []string{"packaged_e2e_test.go", "upgraded_e2e_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		packaged = append(packaged, text...)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(block) {
		words := strings.Fields(comment.ReplaceAllString(line, ""))
		switch {
		case len(words) == 0 || words[0] == "install":
		case words[0] == "rackhand": // TestDocumentedCommands
		case words[0] == "apt": // TestPackaged
		case slices.Contains([]string{"systemctl", "rm"}, words[0]): // TestPackaged and TestUpgraded, if they run the line
			if !strings.Contains(string(packaged), strings.TrimSpace(line)) {
				t.Errorf("neither TestPackaged nor TestUpgraded runs %s", line)
			}
		case words[0] == "make" && len(words) > 1:
			if !slices.ContainsFunc(target.FindAllStringSubmatch(string(makefile), -1), func(m []string) bool { return m[1] == words[1] }) {
				t.Errorf("make has no target %s", words[1])
			}
		default:
			t.Errorf("nothing tries the command %s", line)
		}
	}
}

// yaml tries a file, which its first line names.
func (g *guide) yaml(t *testing.T, first, block string) {
	dir := t.TempDir()
	fits := func(name string) {
		t.Helper()
		if err := g.schemas[name].Validate([]byte(block)); err != nil {
			t.Errorf("the schema of %s: %v", name, err)
		}
	}
	switch {
	case first == "# inventory/roles/web.test.yaml":
		g.check(t, dir, map[string]string{"rack.yaml": g.rack, "roles/web.yaml": g.role, "roles/web.test.yaml": block})
	case strings.HasPrefix(first, "# inventory/roles/"):
		fits("role")
		g.check(t, dir, map[string]string{"rack.yaml": g.rack, "roles/site.yaml": g.site, "roles/web.yaml": block})
	case strings.HasPrefix(first, "# inventory/"):
		fits("inventory")
		g.check(t, dir, map[string]string{"rack.yaml": block, "roles/web.yaml": g.role})
	case strings.HasPrefix(first, "# rackhand.yaml"):
		fits("config")
		if _, problems := config.Parse("rackhand.yaml", []byte(block)); problems.Err() != nil {
			t.Error(problems.Err())
		}
	case strings.Contains(first, "a recipe"):
		fits("image")
		path := filepath.Join(dir, "web.yaml")
		if err := os.WriteFile(path, []byte(block), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, problems := image.ReadRecipe(path); problems.Err() != nil {
			t.Error(problems.Err())
		}
	default:
		t.Error("the first line must name the file: # inventory/NAME.yaml, # inventory/roles/NAME.yaml, # rackhand.yaml, or # NAME.yaml, a recipe")
	}
}

// kickstart tries a part of a template, behind the built-in one for Anaconda.
func (g *guide) kickstart(t *testing.T, block string) {
	g.check(t, t.TempDir(), map[string]string{
		"templates/site.ks": "{{ template \"rhel.ks\" . }}\n" + block,
		"rack.yaml": `
networks: {rack1: {subnet: 10.77.0.0/24, gateway: 10.77.0.1}}
systems: {rocky9: {installer: anaconda, release: RHEL9, media: rocky9, kickstart: site.ks}}
hosts: {web1: {mac: "52:54:00:00:00:01", address: 10.77.0.11, system: rocky9, variables: {ssh_keys: ["ssh-ed25519 AAAA you@example"]}}}
`,
	})
}

// TestUnit checks that rackhand has the commands that the packages' unit runs.
func TestUnit(t *testing.T) {
	unit, err := os.ReadFile("../../config/packaging/rackhand.service")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^Exec\w+=\+?/usr/bin/rackhand (.+)$`).FindAllStringSubmatch(string(unit), -1)
	if len(commands) != 2 {
		t.Fatalf("it runs %q", commands)
	}
	for _, c := range commands {
		if why := unknown(commandLine(t), strings.Fields(c[1])); why != "" {
			t.Errorf("rackhand %s: %s", c[1], why)
		}
	}
}

// check writes an inventory and checks it.
func (g *guide) check(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if code := run([]string{"check", "--strict", dir}, &out, &out); code != 0 {
		t.Errorf("exit status %d: %s", code, &out)
	}
}
