package files

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rackhand/provision/catalog"
)

func (f *host) symlink(target, name string) {
	f.t.Helper()
	if err := os.Symlink(target, filepath.Join(f.dir, name)); err != nil {
		f.t.Fatal(err)
	}
}

// tree lists all below a folder.
func (f *host) tree(name string) (out []string) {
	f.t.Helper()
	root := filepath.Join(f.dir, name)
	if err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if rel, relErr := filepath.Rel(root, path); relErr == nil && rel != "." {
			out = append(out, rel)
		}
		return err
	}); err != nil {
		f.t.Fatal(err)
	}
	return out
}

func purged(declared ...string) catalog.File {
	return catalog.File{Path: "/srv/conf.d", Ensure: catalog.Directory, Purge: true, Declared: declared}
}

func TestPurge(t *testing.T) {
	f := newHost(t)
	for _, name := range []string{"keep", "old", "sub/keep", "sub/old", "sub/.keep.rackhand-old", "sub/.gone.rackhand-old", ".keep.rackhand-tmp-77", "full/deep/x"} {
		f.write("root/srv/conf.d/"+name, name)
	}
	f.write("root/elsewhere/x", "untouched")
	f.symlink("../../elsewhere", "root/srv/conf.d/link")
	f.symlink("keep", "root/srv/conf.d/declared-link")
	if err := syscall.Mkfifo(filepath.Join(f.dir, "root/srv/conf.d/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	declared := []string{"keep", "sub/keep", "declared-link", "new/one"}
	f.steps(step{"a directory with content", purged(declared...), "error: purge would remove 2 directories with content: full, full/deep: declare what stays in there, or add force: true"})
	if _, err := os.Stat(filepath.Join(f.dir, "root/srv/conf.d/old")); err != nil {
		t.Errorf("something was removed although the purge is refused: %v", err)
	}
	purge := forced(purged(declared...))
	want := "--- /srv/conf.d/ (there)\n-full/\n-full/deep/\n-full/deep/x\n-link\n-old\n-pipe\n-sub/.gone.rackhand-old\n-sub/old\n"
	if got := f.files().Diff(t.Context(), &purge); got != want {
		t.Errorf("the dry run shows\n%s\nwant\n%s", got, want)
	}
	f.steps(
		step{"by force", purge, "purge removes 8 entries: full/, full/deep/, full/deep/x, link, old, pipe, sub/.gone.rackhand-old, sub/old"},
		step{"held", purge, ""},
	)
	if got, want := f.tree("root/srv/conf.d"), []string{".keep.rackhand-tmp-77", "declared-link", "keep", "sub", "sub/.keep.rackhand-old", "sub/keep"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if f.read("root/elsewhere/x") != "untouched" {
		t.Error("purged through a link")
	}
	f.backups("/srv/conf.d/full/deep/x full/deep/x", "/srv/conf.d/old old", "/srv/conf.d/sub/.gone.rackhand-old sub/.gone.rackhand-old", "/srv/conf.d/sub/old sub/old")
	f.write("root/srv/conf.d/drift", "")
	f.steps(step{"drift", purge, "purge removes 1 entry, drift"})
	f.symlink("conf.d", "root/srv/to")
	through := forced(purged())
	through.Path = "/srv/to"
	if _, err := f.applyFile(catalog.File{Path: through.Path, Ensure: catalog.Directory, Purge: true}); err == nil || !strings.Contains(err.Error(), "is a symbolic link") {
		t.Errorf("through a link in its place: %v", err)
	}
}

func TestRemoveTree(t *testing.T) {
	f := newHost(t)
	f.write("root/srv/app/a/b/x", "x")
	f.write("root/srv/app/y", "y")
	f.write("root/elsewhere/x", "untouched")
	f.symlink("/elsewhere", "root/srv/app/link")
	absent := catalog.File{Path: "/srv/app", Ensure: catalog.Absent}
	differs, err := f.files().Check(t.Context(), &absent)
	if want := []string{"removed, once it is empty: it has 5 entries: a/, a/b/, a/b/x, link, y"}; err != nil || !slices.Equal(differs, want) {
		t.Errorf("without force: %q, %v", differs, err)
	}
	f.steps(
		step{"without force", absent, "error: the directory is not empty"},
		step{"by force", forced(absent), "removed, with 5 entries: a/, a/b/, a/b/x, link, y"},
		step{"gone", forced(absent), ""},
	)
	if f.read("root/elsewhere/x") != "untouched" {
		t.Error("removed through a link")
	}
	f.backups("/srv/app/a/b/x x", "/srv/app/y y")
	// By another path, it is still what the system needs.
	f.symlink("..", "root/srv/up")
	f.steps(step{"protected", forced(catalog.File{Path: "/srv/up/etc", Ensure: catalog.Absent}), "error: it is /etc, which the system needs"})
}

// A directory or file is replaced by a symbolic link right after it was looked at: nothing
// behind the link goes or changes.
func TestSwapped(t *testing.T) {
	for _, swapped := range []string{"a", "a/x"} {
		for _, act := range []string{"purge", "recurse"} {
			f := newHost(t)
			f.write("root/srv/conf.d/a/x", "")
			f.write("root/elsewhere/x", "untouched")
			file := forced(purged())
			file.Recurse, file.Mode = true, "0600"
			p, err := f.files().locate(&file)
			if err != nil {
				t.Fatal(err)
			}
			top, err := p.openTop()
			if err != nil {
				t.Fatal(err)
			}
			w, err := f.files().want(&file)
			if err != nil {
				t.Fatal(err)
			}
			u, r := newPurge(nil, true), newRecursion(w, nil)
			u.act, u.open, r.act = true, []*level{{}}, true
			walk := &tree{visit: r.visit}
			if act == "purge" {
				walk = &tree{visit: u.visit, leave: u.leave}
			}
			visit := walk.visit
			walk.visit = func(e *entry) (bool, error) {
				if e.path == swapped {
					name := filepath.Join(f.dir, "root/srv/conf.d", swapped)
					if err := os.Rename(name, name+".away"); err != nil {
						t.Fatal(err)
					}
					f.symlink(filepath.Join(f.dir, "root/elsewhere", strings.TrimPrefix(swapped, "a")), "root/srv/conf.d/"+swapped)
				}
				return visit(e)
			}
			if err := walk.walk(t.Context(), top, "", 0); err == nil {
				t.Errorf("%s, %s: no error", act, swapped)
			}
			if f.read("root/elsewhere/x") != "untouched" || f.mode("root/elsewhere/x") != 0o644 || f.mode("root/elsewhere") != os.ModeDir|0o755 {
				t.Errorf("%s, %s: something behind the link has changed", act, swapped)
			}
			p.close()
			syscall.Close(top)
		}
	}
}

func TestBoundsOfTrees(t *testing.T) {
	f := newHost(t)
	deep := "root/srv/conf.d" + strings.Repeat("/d", maxDepth+2)
	f.write(deep+"/x", "")
	f.steps(step{"depth", forced(purged()), "error: is more than 100 directories deep"})
	walk := &tree{visit: func(*entry) (bool, error) { return true, nil }, entries: maxEntries - 2}
	for i := range 3 {
		f.write(fmt.Sprintf("root/srv/many/%d", i), "")
	}
	dir, err := os.Open(filepath.Join(f.dir, "root/srv/many"))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := walk.walk(t.Context(), int(dir.Fd()), "", 0); err == nil || !strings.Contains(err.Error(), "more than 100000 entries") {
		t.Errorf("a large directory: %v", err)
	}
}
