package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func TestFileLife(t *testing.T) {
	f := newHost(t)
	steps := []struct {
		name string
		file catalog.File
		want string
	}{
		{"directory", catalog.File{Path: "/srv", Ensure: "directory", Mode: "0750"}, "directory made"},
		{"made", catalog.File{Path: "/srv/x", Ensure: "file", Content: "one\n"}, "made, 4 bytes"},
		{"held", catalog.File{Path: "/srv/x", Ensure: "file", Content: "one\n"}, ""},
		{"changed", catalog.File{Path: "/srv/x", Ensure: "file", Content: "three\n", Mode: "0600"}, "content changed, 4 → 6 bytes; mode 0644 → 0600"},
		{"same size", catalog.File{Path: "/srv/x", Ensure: "file", Content: "seven\n"}, "content changed, 6 → 6 bytes"},
		{"mode alone", catalog.File{Path: "/srv/x", Ensure: "file", Content: "seven\n", Mode: "2755"}, "mode 0600 → 2755"},
		{"directory that isn't empty", catalog.File{Path: "/srv", Ensure: "absent"}, "error: the directory is not empty"},
		{"kept", catalog.File{Path: "/srv/x", Ensure: "file", Content: "other\n", Keep: true}, ""},
		{"kept, its mode changed", catalog.File{Path: "/srv/x", Ensure: "file", Mode: "0640", Keep: true}, "mode 2755 → 0640"},
		{"a new one to keep", catalog.File{Path: "/srv/seed", Ensure: "file", Content: "seed\n", Keep: true}, "made, 5 bytes"},
		{"a new one to keep is gone", catalog.File{Path: "/srv/seed", Ensure: "absent"}, "removed"},
		{"removed", catalog.File{Path: "/srv/x", Ensure: "absent"}, "removed"},
		{"is gone", catalog.File{Path: "/srv/x", Ensure: "absent"}, ""},
		{"directory removed", catalog.File{Path: "/srv", Ensure: "absent"}, "removed"},
		{"gone with its directory", catalog.File{Path: "/srv/x", Ensure: "absent"}, ""},
		{"no parent", catalog.File{Path: "/srv/x", Ensure: "file"}, "error: no such file or directory: declare file[/srv] with ensure: directory"},
		{"a directory in the way", catalog.File{Path: "/etc", Ensure: "file"}, "error: /etc is a directory"},
		{"a file in the way", catalog.File{Path: "/etc/passwd", Ensure: "directory"}, "error: /etc/passwd is a file"},
		{"a file on the way", catalog.File{Path: "/etc/passwd/x", Ensure: "file"}, "error: directory /etc/passwd, at passwd: not a directory"},
		{"unknown owner", catalog.File{Path: "/etc/x", Ensure: "file", Owner: "nobody-here"}, `error: owner: there is no "nobody-here" in /etc/passwd`},
		{"sensitive", catalog.File{Path: "/etc/secret", Ensure: "file", Content: "x", Sensitive: true}, "made, 1 bytes"},
	}
	for _, s := range steps {
		differs, err := f.applyFile(s.file)
		got := strings.Join(differs, "; ")
		if err != nil {
			got = "error: " + err.Error()
		}
		if want, isErr := strings.CutPrefix(s.want, "error: "); isErr && err != nil && strings.Contains(got, want) {
			continue
		}
		if got != s.want {
			t.Fatalf("%s: got %q, want %q", s.name, got, s.want)
		}
	}
	if m := f.mode("root/etc/secret"); m.Perm() != 0o600 {
		t.Errorf("a sensitive file without a mode is %v", m)
	}
	if left := f.leftovers("root/etc", "apt", "passwd", "secret"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A file is replaced, never written through: what reads the old one has all of it.
func TestFileIsReplaced(t *testing.T) {
	f := newHost(t)
	f.write("root/srv/x", "old")
	f.write("root/elsewhere", "untouched")
	old, err := os.Open(filepath.Join(f.dir, "root/srv/x"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := os.Symlink("../elsewhere", filepath.Join(f.dir, "root/srv/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(f.dir, "root/elsewhere"), filepath.Join(f.dir, "root/srv/hard")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []catalog.File{
		{Path: "/srv/x", Ensure: "file", Content: "new"},
		{Path: "/srv/link", Ensure: "file", Content: "new"},
		{Path: "/srv/hard", Ensure: "file", Content: "untouched", Mode: "0600"},
	} {
		if _, err := f.applyFile(file); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 10)
	if n, _ := old.Read(b); string(b[:n]) != "old" {
		t.Errorf("the old file reads %q", b[:n])
	}
	if got := f.read("root/elsewhere"); got != "untouched" || f.mode("root/elsewhere").Perm() != 0o644 {
		t.Errorf("written through a link: %q, %v", got, f.mode("root/elsewhere"))
	}
	if !f.mode("root/srv/link").IsRegular() {
		t.Error("the link is still one")
	}
}

func TestLinksOnTheWay(t *testing.T) {
	f := newHost(t)
	f.write("root/real/keep", "")
	for name, target := range map[string]string{"absolute": "/real", "relative": "./../real", "climbing": "../../../../../real", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(f.dir, "root", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"absolute", "relative", "climbing"} {
		if _, err := f.applyFile(catalog.File{Path: "/" + name + "/" + name, Ensure: "file", Content: name}); err != nil {
			t.Fatal(err)
		}
		if got := f.read("root/real/" + name); got != name {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, err := f.applyFile(catalog.File{Path: "/loop/x", Ensure: "file"}); err == nil || !strings.Contains(err.Error(), "too many levels") {
		t.Errorf("a loop: %v", err)
	}
	files := f.files()
	files.Trust = func(uint32) bool { return false }
	if _, err := files.Check(t.Context(), &catalog.File{Path: "/absolute/x", Ensure: "file"}); err == nil || !strings.Contains(err.Error(), "is not followed") {
		t.Errorf("a foreign user's link: %v", err)
	}
}

func TestValidate(t *testing.T) {
	f := newHost(t)
	f.write("root/etc/app/good.conf", "old\n")
	target := filepath.Join(f.dir, "root/etc/app/good.conf")
	tests := []struct {
		name     string
		validate []string
		content  string
		want     string // part of the error
		after    string
	}{
		{"beside, accepted", []string{"grep", "-q", "fine", "%s"}, "fine 1\n", "", "fine 1\n"},
		{"beside, refused", []string{"grep", "-q", "fine", "%s"}, "bad\n", "refuses the new content: exit status 1", "fine 1\n"},
		{"beside, as part of a word", []string{"sh", "-c", "grep -q fine %s"}, "fine 2\n", "", "fine 2\n"},
		{"in place, accepted", []string{"grep", "-q", "fine", target}, "fine 3\n", "", "fine 3\n"},
		{"in place, refused", []string{"grep", "-q", "fine", target}, "bad\n", "refuses", "fine 3\n"},
		{"no such program", []string{"/no/such/program", "%s"}, "fine 4\n", "cannot run /no/such/program", "fine 3\n"},
		{"what it says", []string{"sh", "-c", "echo line 3: bad >&2; exit 9"}, "x\n", "exit status 9: line 3: bad", "fine 3\n"},
	}
	for _, tt := range tests {
		_, err := f.applyFile(catalog.File{Path: "/etc/app/good.conf", Ensure: "file", Content: tt.content, Validate: tt.validate})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
		if got := f.read("root/etc/app/good.conf"); got != tt.after {
			t.Errorf("%s: the file holds %q, want %q", tt.name, got, tt.after)
		}
		if left := f.leftovers("root/etc/app", "good.conf"); len(left) > 0 {
			t.Errorf("%s: left behind: %q", tt.name, left)
		}
	}
	_, err := f.applyFile(catalog.File{
		Path: "/etc/app/good.conf", Ensure: "file", Content: "hunter2", Sensitive: true,
		Validate: []string{"sh", "-c", "cat %s; exit 1"},
	})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a sensitive file refused: %v", err)
	}
	_, err = f.applyFile(catalog.File{Path: "/etc/app/new.conf", Ensure: "file", Content: "bad", Validate: []string{"false"}})
	if left := f.leftovers("root/etc/app", "good.conf"); err == nil || len(left) > 0 {
		t.Errorf("a new file refused in its place: %v, left behind %q", err, left)
	}
}

// A run that dies while a file is validated in its place leaves a marker; the
// next one does not take what it finds for good.
func TestInterruptedValidation(t *testing.T) {
	for _, tt := range []struct{ name, marker, old string }{
		{"there was an old one", ".x.rackhand-old", "old"},
		{"there was none", ".x.rackhand-new", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newHost(t)
			f.write("root/etc/app/x", "bad")
			f.write("root/etc/app/"+tt.marker, tt.old)
			f.write("root/etc/app/.x.rackhand-tmp-77", "left by the crash")
			_, err := f.applyFile(catalog.File{Path: "/etc/app/x", Ensure: "file", Content: "bad", Validate: []string{"false"}})
			if err == nil {
				t.Error("content that was never validated is taken as it is")
			}
			if tt.old != "" {
				if got := f.read("root/etc/app/x"); got != tt.old {
					t.Errorf("the file holds %q, want %q", got, tt.old)
				}
			}
			if left := f.leftovers("root/etc/app", "x"); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			if _, err := f.applyFile(catalog.File{Path: "/etc/app/x", Ensure: "file", Content: "good", Validate: []string{"true"}}); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzAccount(f *testing.F) {
	f.Add("root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n", "www-data")
	f.Add("x:x:-1\nx\n::\n", "x")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, passwd, name string) {
		if err := os.WriteFile(filepath.Join(dir, "passwd"), []byte(passwd), 0o600); err != nil {
			t.Fatal(err)
		}
		if id, err := (&Files{Root: dir}).accountID("/passwd", name); err == nil && id < 0 {
			t.Fatalf("%q has the number %d", name, id)
		}
	})
}

// TestMarkersOfOthers: in a directory to which others may write, a marker of an interrupted
// change may be theirs. It brings nothing back, and removes nothing.
func TestMarkersOfOthers(t *testing.T) {
	f := newHost(t)
	dir := filepath.Join(f.dir, "root/tmp")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	own := catalog.File{Path: "/tmp/x", Ensure: "file", Content: "ours\n"}
	if _, err := f.applyFile(own); err != nil {
		t.Fatal(err)
	}
	for _, marker := range []string{".x.rackhand-old", ".x.rackhand-new"} {
		if err := os.WriteFile(filepath.Join(dir, marker), []byte("theirs\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o1777); err != nil {
			t.Fatal(err)
		}
		if differs, err := f.applyFile(own); err != nil || differs != nil {
			t.Errorf("%s: %q, %v", marker, differs, err)
		}
		in := own
		in.Content, in.Validate = "new\n", []string{"true"}
		if _, err := f.applyFile(in); err == nil || !strings.Contains(err.Error(), "others may write to /tmp") {
			t.Errorf("%s: tried in its place: %v", marker, err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if differs, err := f.applyFile(own); err != nil || len(differs) != 1 || !strings.HasPrefix(differs[0], "undo a change") {
			t.Errorf("%s in a directory of root's: %q, %v", marker, differs, err)
		}
	}
}
