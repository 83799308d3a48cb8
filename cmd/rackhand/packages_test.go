package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const (
	packagesPage = "../../docs/packages.md"
	// Below this line the page is made from the packages' comments.
	packagesBegin = "\n## Packages\n"
)

var (
	synopsisName = regexp.MustCompile(`^((Package|Command) )?\S+ (is )?`)
	codeSpan     = regexp.MustCompile("`([^` ]+)`")
)

// TestPackages holds docs/packages.md against the packages that there are: one line
// each, the first sentence of the package's comment.
func TestPackages(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}", "rackhand/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(packagesPage)
	if err != nil {
		t.Fatal(err)
	}
	head, table, ok := strings.Cut(string(data), packagesBegin)
	if !ok {
		t.Fatalf("%s has no line %q", packagesPage, strings.TrimSpace(packagesBegin))
	}
	for _, m := range codeSpan.FindAllStringSubmatch(head, -1) {
		if found, err := filepath.Glob("../../" + m[1]); err == nil && len(found) == 0 && strings.Contains(m[1], "/") {
			t.Errorf("%s: there is no %s", packagesPage, m[1])
		}
	}
	var want []string
	for line := range strings.Lines(string(out)) {
		path, doc, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if doc == "" {
			t.Errorf("%s has no package comment: begin one with // Package NAME, in one sentence", path)
		}
		want = append(want, packageLine(path, doc))
	}
	if *update {
		page := head + packagesBegin + "| package | does |\n|---|---|\n" + strings.Join(want, "\n") + "\n"
		if err := os.WriteFile(packagesPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	const do = "or run: go test ./cmd/rackhand -run TestPackages -update"
	have := strings.Split(strings.TrimSpace(table), "\n")[2:]
	for i, line := range want {
		switch {
		case slices.Contains(have, line):
		case i == 0:
			t.Errorf("%s: add this line at the head of the table, %s\n%s", packagesPage, do, line)
		default:
			t.Errorf("%s: add this line, %s\n%s\nbehind\n%s", packagesPage, do, line, want[i-1])
		}
	}
	for _, line := range have {
		if !slices.Contains(want, line) {
			t.Errorf("%s: take this line out, %s\n%s", packagesPage, do, line)
		}
	}
}

// packageLine is a package's line in the table.
func packageLine(path, doc string) string {
	text := []rune(strings.TrimSuffix(synopsisName.ReplaceAllString(doc, ""), "."))
	if len(text) > 0 {
		text[0] = unicode.ToUpper(text[0])
	}
	path = strings.TrimPrefix(path, "rackhand/")
	return "| [" + path + "](../" + path + ") | " + strings.NewReplacer("|", `\|`, "[", "", "]", "").Replace(string(text)) + " |"
}

// mostFiles is how many files a package has at most, besides tests.
const mostFiles = 35

// TestRooms: a package that grows beyond mostFiles needs rooms. This one has a file for each
// command.
func TestRooms(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}{{range .GoFiles}} {{.}}{{end}}", "rackhand/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if files := len(words) - 1; files > mostFiles && words[0] != "rackhand/cmd/rackhand" {
			t.Errorf("%s has %d files, at most %d are allowed: move something that belongs together into a package of its own", words[0], files, mostFiles)
		}
	}
}
