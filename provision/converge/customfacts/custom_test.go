package customfacts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/converge/command"
)

// folder makes a facts.d. A name that begins with ! is a program.
func folder(t *testing.T, files map[string]string) Folder {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "facts.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		mode := os.FileMode(0o644)
		if rest, ok := strings.CutPrefix(name, "!"); ok {
			name, mode = rest, 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return Folder{Dir: dir, Runner: command.Exec{Grace: time.Second}}
}

func (f Folder) read(t *testing.T) (map[string]string, map[string]string) {
	t.Helper()
	got, problems := f.Read(t.Context())
	facts := map[string]string{}
	for name, value := range got {
		facts[name] = string(value)
	}
	return facts, problems
}

func TestRead(t *testing.T) {
	big := `"` + strings.Repeat("x", 15<<10) + `"`
	facts, problems := folder(t, map[string]string{
		"site.json": `{"room": 4, "racks": ["r1"]}`, "!raid.sh": "#!/bin/sh\necho '[1, 2]'\n", "!count": "#!/bin/sh\necho 3\n", "zone.json": "\n \"eu\" \n",
		".hidden": "x", "old.json~": "x",
		"bad.json": "{", "empty.json": "", "two.json": "1 2", "README": "x", "x.yaml": "a: b", "!fails": "#!/bin/sh\necho no such disk >&2\nexit 3\n",
		"!zone.sh": "#!/bin/sh\necho 1\n", "!loud": "#!/bin/sh\nhead -c 20000 /dev/zero | tr '\\0' '1'\n", "!missing": "#!/no/such/shell\n",
		"1st.json": "1", "a b.json": "1", "latin.json": "\"\xff\"", "deep.json": strings.Repeat("[", 15) + strings.Repeat("]", 15),
		"big1.json": big, "big2.json": big, "big3.json": big,
	}).read(t)
	delete(facts, "big1")
	delete(facts, "big2")
	if diff := cmp.Diff(map[string]string{"site": `{"room": 4, "racks": ["r1"]}`, "raid": "[1, 2]", "count": "3", "zone": `"eu"`}, facts); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for file, want := range map[string]string{
		"bad.json": "it is not JSON", "empty.json": "it is not JSON", "two.json": "it is not JSON", "README": "neither a program", "x.yaml": "neither a program",
		"fails": "exit status 3: no such disk", "zone.sh": "another file gives the fact zone already", "loud": "at most 16 KiB", "missing": "no such file",
		"1st.json": "can't be a fact's", "a b.json": "can't be a fact's", "latin.json": "UTF-8", "deep.json": "16 levels", "big3.json": "at most 32 KiB together",
	} {
		if !strings.Contains(problems[file], want) {
			t.Errorf("%s: %q, want %q", file, problems[file], want)
		}
		delete(problems, file)
	}
	if len(problems) > 0 {
		t.Errorf("also %v", problems)
	}
}

// TestOfOthers: nothing is run or read that a user other than root could have put there.
func TestOfOthers(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	program := "#!/bin/sh\ntouch " + ran + "\necho 1\n"
	f := folder(t, map[string]string{"!theirs": program, "!open": program, "theirs.json": "1", "!good": "#!/bin/sh\necho 1\n"})
	at := func(name string) string { return filepath.Join(f.Dir, name) }
	for _, err := range []error{
		os.Chmod(at("open"), 0o777), os.Chmod(at("theirs.json"), 0o666), os.Mkdir(at("folder"), 0o755), os.Symlink("/dev/zero", at("zero.json")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"open": "may write it", "theirs.json": "may write it", "folder": "not a regular file", "zero.json": "not a regular file"}
	if os.Geteuid() == 0 {
		if err := os.Chown(at("theirs"), 1234, 0); err != nil {
			t.Fatal(err)
		}
		want["theirs"] = "does not belong to root"
	} else {
		os.Remove(at("theirs"))
	}
	facts, problems := f.read(t)
	for file, text := range want {
		if !strings.Contains(problems[file], text) {
			t.Errorf("%s: %q, want %q", file, problems[file], text)
		}
	}
	if facts["good"] != "1" || len(facts) != 1 {
		t.Errorf("%v", facts)
	}
	if err := os.Chmod(f.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if facts, problems := f.read(t); len(facts) > 0 || !strings.Contains(problems[""], "may write it") {
		t.Errorf("of a folder that others write: %v, %v", facts, problems)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program of others was run")
	}
}

// TestHangs: a program that hangs, with a child that keeps its output open, ends with its
// deadline and costs the others nothing.
func TestHangs(t *testing.T) {
	f := folder(t, map[string]string{"!hangs": "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\nwait\nsleep 1000\n", "good.json": "1"})
	f.Deadline = 50 * time.Millisecond
	f.Runner = command.Exec{Grace: 50 * time.Millisecond}
	facts, problems := f.read(t)
	if facts["good"] != "1" || !strings.Contains(problems["hangs"], "no end within 50ms") {
		t.Errorf("%v, %v", facts, problems)
	}
}

func TestNone(t *testing.T) {
	if facts, problems := (Folder{Dir: filepath.Join(t.TempDir(), "none")}).read(t); len(facts)+len(problems) > 0 {
		t.Errorf("%v, %v", facts, problems)
	}
	files := map[string]string{}
	for n := range maxFiles + 1 {
		files[fmt.Sprintf("f%d.json", n)] = "1"
	}
	if facts, problems := folder(t, files).read(t); len(facts) > 0 || !strings.Contains(problems[""], "more than 32 files") {
		t.Errorf("%v, %v", facts, problems)
	}
}
