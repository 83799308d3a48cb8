package role

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBinarySource: a file that a catalog would carry with other bytes is refused, with
// its place; text in any script isn't.
func TestBinarySource(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"roles", "templates"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		content, from, want string
	}{
		"a picture":           {"\x89PNG\r\n\x1a\n\x00", "source", "roles/r.yaml:3:13: source, for host web1: it is no text: line 1, column 1 is no UTF-8"},
		"Latin-1":             {"one\ntwo\nnaïve M\xfcller\n", "source", "roles/r.yaml:3:13: source, for host web1: it is no text: line 3, column 9 is no UTF-8"},
		"UTF-16":              {"\xff\xfea\x00", "source", "line 1, column 1"},
		"a template":          {"a{{ .Host.Name }}\xff", "template", "roles/r.yaml:3:15: template, for host web1: it is no text: line 1, column 6"},
		"cut in a character":  {"gr\xc3", "source", "line 1, column 3"},
		"text":                {"plain\n", "source", ""},
		"UTF-8 of any script": {"naïve Müller 東京 \U0001F600\n", "source", ""},
		"U+FFFD itself":       {"\uFFFD\n", "source", ""},
		"a zero byte is text": {"a\x00b\n", "source", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "templates", "x"), []byte(tc.content), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "roles", "r.yaml"), []byte("resources:\n  - file: /x\n    "+tc.from+": x\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			set, problems := Load(filepath.Join(dir, "roles"))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			got, err := set.Compile("r", testInput(dir))
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want == "" && got.Catalog.Resources[0].File.Content != tc.content:
				t.Errorf("the content is %q", got.Catalog.Resources[0].File.Content)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%v, want %s", err, tc.want)
			}
		})
	}
}

// A secret that is no text is refused too, and none of its bytes is told.
func TestBinarySecret(t *testing.T) {
	_, err := compileText(t, "resources:\n  - file: /x\n    content: ${secret.app/password}\n", func(in *Input) {
		in.Secret = func(string) (string, error) { return "ab\xff", nil }
	})
	if err == nil || !strings.Contains(err.Error(), "roles/r.yaml:3:14: content, for host web1: it is no text") || strings.Contains(err.Error(), "ab") {
		t.Errorf("%v", err)
	}
}
