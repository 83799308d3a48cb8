package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"rackhand/provision/usage"
)

var (
	fenced  = regexp.MustCompile("(?ms)^ *```(\\w*)\n(.*?)^ *```")
	quoted  = regexp.MustCompile("`(rackhand [^`]+)`")
	flagged = regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	comment = regexp.MustCompile(`(^|\s+)#.*`)
)

// documents are all pages but the changelog, whose commands may be of the past, by
// their path from the repository's top.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/guide/*.md", "docs/decisions/*.md"} {
		names, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(names) == 0 {
			t.Fatal(pattern, names, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(name, "../../")] = string(text)
		}
	}
	delete(all, "CHANGELOG.md")
	return all
}

func commandLine(t *testing.T) *kong.Node { return program(t).App.Node }

func program(t *testing.T) usage.Program {
	t.Helper()
	parser, err := newParser(func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return programOf(parser)
}

// TestDocumentedCommands holds every command line of the documents against what the
// program takes: the command, and its flags.
func TestDocumentedCommands(t *testing.T) {
	node, seen := commandLine(t), 0
	for name, text := range documents(t) {
		var lines []string
		for _, m := range fenced.FindAllStringSubmatch(text, -1) {
			if m[1] != "" {
				continue
			}
			for line := range strings.Lines(m[2]) {
				lines = append(lines, comment.ReplaceAllString(strings.TrimSpace(line), ""))
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(fenced.ReplaceAllString(text, "\n"), -1) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			words := strings.Fields(strings.ReplaceAll(line, `\|`, "|"))
			if len(words) < 2 || words[0] != "rackhand" {
				continue
			}
			seen++
			if why := unknown(node, words[1:]); why != "" {
				t.Errorf("%s: %s: %s", name, line, why)
			}
		}
	}
	if seen < 100 {
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
		case child == nil && node.DefaultCmd != nil && len(node.DefaultCmd.Positional) > 0:
			return unknownFlag(node.DefaultCmd, words)
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
			known["--no-"+f.Name] = f.Tag.Negatable != ""
		}
	}
	for _, f := range flagged.FindAllString(strings.Join(words, " "), -1) {
		if !known[f] {
			return "no flag " + f
		}
	}
	return ""
}
