package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func link(path, target string) catalog.File {
	return catalog.File{Path: path, Ensure: catalog.Link, Target: target}
}

// step is a declaration and what becomes of it: the differences, or part of an error.
type step struct {
	name string
	file catalog.File
	want string
}

func (f *host) steps(steps ...step) {
	f.t.Helper()
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
			f.t.Errorf("%s: got %q, want %q", s.name, got, s.want)
		}
	}
}

func forced(file catalog.File) catalog.File {
	file.Force = true
	return file
}

func TestLink(t *testing.T) {
	f := newHost(t)
	f.write("root/srv/full/deep/x", "kept as a copy\n")
	f.write("root/srv/file", "old\n")
	if err := os.Mkdir(filepath.Join(f.dir, "root/srv/empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.steps(
		step{"made", link("/srv/current", "v1"), "link to v1 made"},
		step{"held", link("/srv/current", "v1"), ""},
		step{"changed", link("/srv/current", "/srv/v2"), "target v1 → /srv/v2"},
		step{"a file in the way", link("/srv/file", "x"), "error: /srv/file is a file: remove it first, it may hold data, or add force: true"},
		step{"by force", forced(link("/srv/file", "x")), "a file becomes a link to x"},
		step{"an empty directory in the way", link("/srv/empty", "x"), "an empty directory becomes a link to x"},
		step{"a directory in the way", link("/srv/full", "x"), "error: /srv/full is a directory with 2 entries"},
		step{"by force", forced(link("/srv/full", "x")), "a directory with 2 entries becomes a link to x"},
		step{"a link becomes a file", catalog.File{Path: "/srv/full", Ensure: "file", Content: "x"}, "a symbolic link becomes a file of 1 bytes"},
		step{"a link in the way of a directory", catalog.File{Path: "/srv/empty", Ensure: "directory"}, "error: /srv/empty is a symbolic link: remove it first"},
		step{"by force", forced(catalog.File{Path: "/srv/empty", Ensure: "directory"}), "a symbolic link becomes a directory"},
		step{"a directory becomes a file", forced(catalog.File{Path: "/srv/empty", Ensure: "file", Content: "x"}), "a directory becomes a file of 1 bytes"},
		step{"a file becomes a directory", forced(catalog.File{Path: "/srv/empty", Ensure: "directory", Mode: "0700"}), "a file becomes a directory"},
		step{"removed", catalog.File{Path: "/srv/current", Ensure: "absent"}, "removed"},
		step{"no folder", link("/none/x", "y"), "error: declare file[/none]"},
		step{"protected", forced(link("/etc", "y")), "error: it is /etc, which the system needs"},
	)
	if left := f.leftovers("root/srv", "file", "empty", "full"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if target, err := os.Readlink(filepath.Join(f.dir, "root/srv/file")); err != nil || target != "x" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	f.backups("/srv/file old\n", "/srv/full/deep/x kept as a copy\n", "/srv/empty x")
}

// A link is never made through the one that is there.
func TestLinkIsReplaced(t *testing.T) {
	f := newHost(t)
	f.write("root/elsewhere/keep", "")
	if err := os.MkdirAll(filepath.Join(f.dir, "root/srv"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.steps(step{"made", link("/srv/x", "../elsewhere"), "link to ../elsewhere made"}, step{"changed", link("/srv/x", "y"), "target ../elsewhere → y"})
	if left := f.leftovers("root/elsewhere", "keep"); len(left) > 0 {
		t.Errorf("made in the target: %q", left)
	}
}
