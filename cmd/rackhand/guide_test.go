package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"rackhand/bootfiles/image"
)

// The documents whose examples are tried here.
var documents = []string{"../../README.md", "../../docs/guide.md"}

var (
	fenced  = regexp.MustCompile("(?s)\n```(\\w*)\n(.*?)```")
	quoted  = regexp.MustCompile("`(rackhand [^`]+)`")
	flagged = regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	comment = regexp.MustCompile(`\s+#.*`)
)

// TestGuideYAML takes each example of the guide as its reader would: into an
// inventory that is checked with its roles, or into a recipe.
func TestGuideYAML(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	role := ""
	for _, m := range fenced.FindAllStringSubmatch(string(guide), -1) {
		switch {
		case m[1] != "yaml":
		case strings.HasPrefix(m[2], "resources:"):
			role = m[2] // which the first example's group has
		default:
			blocks = append(blocks, m[2])
		}
	}
	if len(blocks) < 5 || role == "" {
		t.Fatalf("the guide has %d examples, and among them the role %q", len(blocks), role)
	}
	for _, text := range blocks {
		name, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) string {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return path
			}
			switch {
			case strings.HasPrefix(text, "# web.yaml"):
				if _, problems := image.ReadRecipe(write("web.yaml", text)); problems.Err() != nil {
					t.Error(problems.Err())
				}
				return
			case strings.HasPrefix(text, "    boot:"):
				text = "defaults:\n" + text
			}
			write("rack.yaml", text)
			write("roles/web.yaml", role)
			var out strings.Builder
			if code := run([]string{"check", "--strict", dir}, &out, &out); code != 0 {
				t.Errorf("exit status %d: %s", code, &out)
			}
		})
	}
}

// TestDocumentedCommands holds every command line of the documents against what the
// program takes: the command, and its flags.
func TestDocumentedCommands(t *testing.T) {
	parser, err := kong.New(&cli{}, kong.Name("rackhand"), kong.Vars{"version": "", "inventory": "", "config": ""})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range documents {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "" {
				continue
			}
			for line := range strings.Lines(m[2]) {
				lines = append(lines, comment.ReplaceAllString(strings.TrimSpace(line), ""))
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), "\n"), -1) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			words := strings.Fields(strings.ReplaceAll(line, `\|`, "|"))
			if len(words) < 2 || words[0] != "rackhand" {
				continue
			}
			seen++
			if why := unknown(parser.Model.Node, words[1:]); why != "" {
				t.Errorf("%s: %s: %s", name, line, why)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d command lines were found", seen)
	}
}

// unknown says which word of a command line the program doesn't take, "" for none.
// image build|list stands for two commands, [--wipe] for a flag that may be there.
func unknown(node *kong.Node, words []string) string {
	first := strings.Trim(words[0], "[]")
	if strings.HasPrefix(first, "-") || len(node.Children) == 0 {
		return unknownFlag(node, words)
	}
	for _, name := range strings.Split(first, "|") {
		var child *kong.Node
		for _, c := range node.Children {
			if c.Name == name {
				child = c
			}
		}
		switch {
		case child == nil:
			return "no command " + name
		case len(words) == 1:
			continue
		}
		if why := unknown(child, words[1:]); why != "" {
			return why
		}
	}
	return ""
}

func unknownFlag(node *kong.Node, words []string) string {
	known := map[string]bool{}
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			known["--"+f.Name] = true
		}
	}
	for _, f := range flagged.FindAllString(strings.Join(words, " "), -1) {
		if !known[f] {
			return "no flag " + f
		}
	}
	return ""
}
