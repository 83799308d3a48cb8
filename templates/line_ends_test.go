package templates

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

// TestLineEndsOfTemplates: line ends of another system, in a template, a snippet, or a
// block's file, don't reach a box, where they would confuse a shell. Places stay those of
// the file.
func TestLineEndsOfTemplates(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"my.ks": "\ufeff{{ template \"inner.ks\" . }}\n{{ define \"local\" }}if true; then\necho local\nfi\n{{ end -}}\n" +
			"%post\n{{ template \"local\" . }}\n{{- /* a\ncomment */ -}}\nfor i in {{ .N }} \\\n2; do\n\techo $i\ndone\ncat <<EOF\nx\nEOF\nprintf %s 'a{{ \"\\r\" }}'\n%end\n",
		"inner.ks": "\ufefflang C.UTF-8\n# a comment\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "\n", "\r\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, where, err := New(dir).RenderMapped("my.ks", struct{ N int }{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "lang C.UTF-8\n") || strings.Count(text, "\r") != 1 || !strings.Contains(text, "'a\r'\n") {
		t.Errorf("%q", text)
	}
	f, err := kickstart.Parse("my.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("/bin/sh")
	shell.Stdin = strings.NewReader(f.Sections[0].Body)
	out, err := shell.CombinedOutput()
	if got := string(out); err != nil || got != "local\n1\n2\nx\na\r" {
		t.Errorf("%v: %q", err, got)
	}
	line := strings.Count(text[:strings.Index(text, "done")], "\n") + 1
	if p := where.At(line, 1); p.String() != "templates/my.ks:13:1" || p.Text != "done" {
		t.Errorf("%s: %q", p, p.Text)
	}
}

// TestReadIsExact: a role's source stays as it is.
func TestReadIsExact(t *testing.T) {
	dir := t.TempDir()
	const want = "\ufeffa\r\nb\r"
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := New(dir).Read("a"); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}
