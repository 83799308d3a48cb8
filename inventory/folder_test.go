package inventory

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rackhand/config/schema"
)

// Files that can't be an inventory file, or can't be read.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "good.yaml"), "hosts: {}\n")
	writeFile(t, filepath.Join(dir, "latin1.yaml"), "# caf\xe9\nhosts: {}\n")
	writeFile(t, filepath.Join(dir, "escape.yaml"), "hosts: {}\ngroups: {\x1b[31m}\n")
	writeFile(t, filepath.Join(dir, "utf16.yaml"), "\xff\xfeh\x00")
	writeFile(t, filepath.Join(dir, "big.yaml"), strings.Repeat("# a comment\n", schema.MaxSize/10))
	writeFile(t, filepath.Join(dir, "deep.yaml"), "defaults: {variables: {v: "+strings.Repeat("[", 200)+strings.Repeat("]", 200)+"}}\n")
	writeFile(t, filepath.Join(dir, "deeper.yaml"), strings.Repeat("[", 20000))
	must(t, os.Mkdir(filepath.Join(dir, "folder.yaml"), 0o755))
	must(t, os.Symlink("loop.yaml", filepath.Join(dir, "loop.yaml")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling.yml")))
	must(t, os.Symlink("good.yaml", filepath.Join(dir, "fine.yaml")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo.yaml"), 0o644))

	s, problems := Load(dir, Options{})
	if s != nil {
		t.Error("taken")
	}
	want := []string{
		"big.yaml: the file is bigger than 4096 KiB",
		"dangling.yml: can't read the file: no such file or directory",
		"deep.yaml:1:57: nested more than 32 levels deep",
		"deeper.yaml:1:1: the file is nested too deep",
		"escape.yaml:2:10: character U+001B can't stand in a YAML file",
		"fifo.yaml: can't read the file: it is not a regular file but a pipe",
		"folder.yaml: can't read the file: it is not a regular file but a folder",
		"latin1.yaml:1:6: the file is not UTF-8: byte 0xe9",
		"loop.yaml: can't read the file: too many levels of symbolic links",
		"utf16.yaml:1:1: the file is not UTF-8: byte 0xff",
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Place().String()+": "+p.Message)
		if p.Hint == "" {
			t.Errorf("no hint: %s", p)
		}
		if strings.Contains(p.String(), "\x1b") {
			t.Errorf("an escape reaches the terminal: %q", p.String())
		}
	}
	if a, b := strings.Join(want, "\n"), strings.Join(got, "\n"); a != b {
		t.Errorf("want:\n%s\n\ngot:\n%s", a, b)
	}

	if _, problems := Load(filepath.Join(dir, "none"), Options{}); len(problems) != 1 || problems[0].Hint == "" {
		t.Errorf("a folder that isn't there: %v", problems)
	}
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	for i := range maxFiles + 1 {
		writeFile(t, filepath.Join(dir, strings.Repeat("x", i/100)+string(rune('a'+i%100/10))+string(rune('0'+i%10))+".yaml"), "")
	}
	if _, problems := Load(dir, Options{}); len(problems) != 1 || !strings.Contains(problems[0].Message, "more than 500 files") {
		t.Errorf("too many files: %v", problems)
	}
	many := bytes.Repeat([]byte("- x\n"), 1000)
	if _, problems := Parse("a.yaml", append([]byte("groups:\n"), many...), Options{}); len(problems) != 1 {
		t.Errorf("a list of groups: %v", problems)
	}
	var b strings.Builder
	b.WriteString("hosts:\n")
	for i := range 5000 {
		b.WriteString("  X" + strings.Repeat("y", i%50) + string(rune('a'+i/50%26)) + string(rune('a'+i/50/26)) + ": {}\n")
	}
	_, problems := Parse("a.yaml", []byte(b.String()), Options{})
	if len(problems) != 201 || !strings.Contains(problems[200].Message, "and 4800 more problems") {
		t.Errorf("%d problems, the last: %v", len(problems), problems[len(problems)-1])
	}
}

func TestRevision(t *testing.T) {
	a := []file{{"a.yaml", []byte("x")}, {"b.yaml", []byte("y")}}
	if revision(a) != revision([]file{{"a.yaml", []byte("x")}, {"b.yaml", []byte("y")}}) {
		t.Error("the same files, another revision")
	}
	for _, b := range [][]file{
		{{"a.yaml", []byte("x")}},
		{{"a.yaml", []byte("x")}, {"c.yaml", []byte("y")}},
		{{"a.yaml", []byte("x")}, {"b.yaml", []byte("z")}},
		{{"a.yaml", []byte("x6 b.yaml 1\ny")}},
	} {
		if revision(a) == revision(b) {
			t.Errorf("%v has the same revision", b)
		}
	}
}

// FuzzLoad: any bytes lead to a snapshot, or to problems with places within the file, and
// to the same ones each time.
func FuzzLoad(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*/*.txtar")
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for part := range bytes.SplitSeq(data, []byte("\n-- ")) {
			if _, body, ok := bytes.Cut(part, []byte(" --\n")); ok {
				f.Add(body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, problems := Parse("a.yaml", data, testOptions())
		if (s == nil) != (len(problems) > 0) {
			t.Fatalf("snapshot %v with problems %v", s, problems)
		}
		text := problems.String()
		for _, p := range problems {
			if p.Line < 0 || p.Line > bytes.Count(data, []byte("\n"))+bytes.Count(data, []byte("\r"))+bytes.Count(data, []byte("\u0085"))+
				bytes.Count(data, []byte("\u2028"))+bytes.Count(data, []byte("\u2029"))+1 || p.Message == "" {
				t.Fatalf("no such place: %+v", p)
			}
		}
		again, problems := Parse("a.yaml", data, testOptions())
		if problems.String() != text {
			t.Fatal("a second load says something else")
		}
		if s != nil {
			if dump(s) != dump(again) || Diff(s, again) != nil {
				t.Fatal("a second load is another snapshot")
			}
		}
	})
}
