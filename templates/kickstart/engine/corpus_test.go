package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rackhand/templates/kickstart"
)

// corpus is the text of every Kickstart of the corpus, under its name.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	texts := map[string]string{}
	paths, err := filepath.Glob("../testdata/corpus/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range archive.Files {
			texts[a.Name] = string(a.Data)
		}
	}
	return texts
}

// TestCorpusHoldsNoSecrets: no message about a Kickstart of the corpus shows a password.
func TestCorpusHoldsNoSecrets(t *testing.T) {
	for name, text := range corpus(t) {
		f, err := kickstart.Parse("ks", []byte(text))
		if err != nil {
			continue
		}
		problems, err := Check(f, Image)
		if err != nil || strings.Contains(texts(problems), "S3CRET") {
			t.Errorf("%s: %v\n%s", name, err, texts(problems))
		}
	}
}

// TestGood: a Kickstart that RHEL 9 takes has no problem here either.
func TestGood(t *testing.T) {
	text, err := os.ReadFile("../testdata/good.ks")
	if err != nil {
		t.Fatal(err)
	}
	f, err := kickstart.Parse("good.ks", text)
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := Check(f, Image); err != nil || len(problems) > 0 {
		t.Errorf("%v\n%s", err, texts(problems))
	}
}

// TestLineEndsOfScripts: a shell script whose lines end with CR LF gets a warning.
func TestLineEndsOfScripts(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"%post\r\nif x\r\nfi\r\n%end\r\n", "ks:2:5: warning: %post: this line and 1 more end with CR LF"},
		{"%pre\necho\nif x\r\nfi\n%end\n", "ks:3:5: warning: %pre: this line ends with CR LF"},
		{"%post --interpreter=/bin/bash\n\r\n%end\n", "ks:2:1: warning: %post: this line ends with CR LF"},
		{"%post --interpreter=/usr/bin/python3\r\nprint()\r\n%end\r\n", ""},
		{"%post\necho a\rb\n%end\n", ""},
		{"%addon x\r\na = b\r\n%end\r\n%anaconda\r\npwpolicy\r\n%end\r\n", ""},
	} {
		f, err := kickstart.Parse("ks", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		problems, err := Check(f, Image)
		if err != nil {
			t.Fatal(err)
		}
		var warnings []*kickstart.Problem
		for _, p := range problems {
			if p.Severity == kickstart.Warning {
				warnings = append(warnings, p)
			}
		}
		if got := texts(warnings); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}
