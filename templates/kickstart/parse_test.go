package kickstart

import (
	"os"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	text, err := os.ReadFile("testdata/good.ks")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("good.ks", text)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.Commands); n != 24 {
		t.Errorf("%d commands, want 24", n)
	}
	if n := len(f.Sections); n != 2 {
		t.Fatalf("%d sections, want 2", n)
	}
	if s := f.Sections[0]; s.Name != "%pre" || s.Body != "echo \"a # stays\"\n" || s.Pos.Line != 27 || s.BodyLine != 28 {
		t.Errorf("%%pre: %+v", s)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", " \n\n", "t.ks:1:1: the file is empty"},
		{"quote", "text\nrootpw 'x\n", "t.ks:2:8: a quote is not closed"},
		{"no end", "text\n%post\necho\n", "t.ks:2:1: %post has no %end (add a line %end)"},
		{"unknown", "%prea\n%end\n", "t.ks:1:1: unknown section %prea (did you mean %pre?)"},
		{"stray", "%end\n", "t.ks:1:1: %end without a section"},
		{"nested", "%pre\n  %post\n%end\n", "t.ks:2:3: %post inside %pre of line 1"},
		{"latin1", "text\n# \xfc", "t.ks:2:3: the file is not UTF-8"},
		{"include", "%include\n", "t.ks:1:1: %include needs a path"},
		{"empty word", "\"\"\n", "t.ks:1:1: the command's name is empty"},
	} {
		_, err := Parse("t.ks", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s...", c.name, err, c.want)
		}
	}
}

func TestParsePassesThrough(t *testing.T) {
	f, err := Parse("t.ks", []byte("# c\r\n%pre\r\n%foo\r\necho %end\r\n  %end # done\r\ntext\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Sections[0].Body != "%foo\r\necho %end\r\n" || len(f.Commands) != 1 {
		t.Errorf("got %q and %d commands", f.Sections[0].Body, len(f.Commands))
	}
	if _, err := Parse("t.ks", []byte("# only a comment\n")); err != nil {
		t.Errorf("a file of comments: %v", err)
	}
}

// A hostile file must not take long or much: its cost is bounded.
func TestCheckManyProblems(t *testing.T) {
	f, err := Parse("t.ks", []byte(strings.Repeat("prat\n", MaxSize/5)))
	if err != nil {
		t.Fatal(err)
	}
	problems, err := Check(f, RHEL9)
	if err != nil || len(problems) != MaxProblems {
		t.Errorf("%d problems, %v", len(problems), err)
	}
	// However many warnings there are, the error after them is found.
	problems, err = checkText(strings.Repeat("repo --name=a\n", 1000)+"prat\n", RHEL9)
	if err != nil || len(problems) != MaxProblems+1 || verdict(problems) != "reject" {
		t.Errorf("%d problems, %v", len(problems), err)
	}
	problems, err = checkText("network "+strings.Repeat("-x ", MaxSize/4), RHEL9)
	if err != nil || len(problems) != MaxProblems {
		t.Errorf("%d problems, %v", len(problems), err)
	}
	if _, err := Parse("t.ks", make([]byte, MaxSize+1)); err == nil {
		t.Error("a file larger than MaxSize was parsed")
	}
}
