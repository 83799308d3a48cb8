//go:build e2e

package takeover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// now is the time of the copies in these tests.
var now = time.Date(2026, 12, 1, 13, 0, 0, 0, time.UTC)

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("only root gives files to another user: run these tests with `make e2e`")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func uid(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// TestTree: everything in the folder changes its owner, and nothing outside it does, however
// the folder points there.
func TestTree(t *testing.T) {
	asRoot(t)
	top := t.TempDir()
	dir, shadow, outside := filepath.Join(top, "state"), filepath.Join(top, "shadow"), filepath.Join(top, "outside")
	write(t, shadow, "secret")
	write(t, filepath.Join(outside, "file"), "")
	write(t, filepath.Join(dir, "images/debian12/root.tar.zst"), "")
	write(t, filepath.Join(dir, "rackhand.db"), "")
	for _, err := range []error{
		os.Symlink(shadow, filepath.Join(dir, "link")), os.Symlink(outside, filepath.Join(dir, "folder-link")),
		os.Symlink("../../outside", filepath.Join(dir, "images/up")), os.Link(shadow, filepath.Join(dir, "hard")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Chmod(filepath.Join(dir, "rackhand.db"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	changed, err := Tree(dir, Owner{1234, 1234})
	if err == nil || strings.Count(err.Error(), "hard link") != 1 || strings.Contains(err.Error(), "root.tar") {
		t.Errorf("%v; want one refusal, of the hard link", err)
	}
	for _, path := range []string{"", "images", "images/debian12", "images/debian12/root.tar.zst", "rackhand.db", "link", "folder-link", "images/up"} {
		if got := uid(t, filepath.Join(dir, path)); got != 1234 {
			t.Errorf("%q belongs to %d", path, got)
		}
	}
	for _, path := range []string{shadow, outside, filepath.Join(outside, "file"), filepath.Join(dir, "hard"), top} {
		if got := uid(t, path); got != 0 {
			t.Errorf("%s was given to %d", path, got)
		}
	}
	if changed != 8 {
		t.Errorf("%d changed", changed)
	}
	if err := os.Remove(filepath.Join(dir, "hard")); err != nil {
		t.Fatal(err)
	}
	if changed, err := Tree(dir, Owner{1234, 1234}); changed != 0 || err != nil {
		t.Errorf("again: %d, %v", changed, err)
	}
	if _, err := Tree(filepath.Join(top, "none"), Owner{1234, 1234}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}

// TestAsFolder: what root adds to a user's folder becomes the user's; a folder of root's
// stays.
func TestAsFolder(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "image/kernel")
	write(t, file, "")
	if err := AsFolder(dir); err != nil || uid(t, file) != 0 {
		t.Errorf("root's folder: %v, %d", err, uid(t, file))
	}
	if err := os.Chown(dir, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	if err := AsFolder(dir); err != nil || uid(t, file) != 1234 {
		t.Errorf("the user's folder: %v, %d", err, uid(t, file))
	}
}

// TestState: the database is copied before its owner changes, once; a database that is open
// is refused, and nothing is changed.
func TestState(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	path := filepath.Join(dir, DatabaseFile)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := State(dir, Owner{1234, 1234}, now); !errors.Is(err, ErrRuns) || uid(t, path) != 0 {
		t.Fatalf("while an appliance runs: %v, %d", err, uid(t, path))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := State(dir, Owner{1234, 1234}, now)
	if err != nil || r.Copy != path+".before-takeover-20261201T130000Z" || uid(t, path) != 1234 || uid(t, r.Copy) != 1234 {
		t.Fatalf("%+v, %v", r, err)
	}
	want, err1 := os.ReadFile(path)
	got, err2 := os.ReadFile(r.Copy)
	if string(got) != string(want) || len(got) == 0 || err1 != nil || err2 != nil {
		t.Errorf("the copy differs: %d and %d bytes", len(got), len(want))
	}
	if r, err := State(dir, Owner{1234, 1234}, now); err != nil || r != (Result{}) {
		t.Errorf("again: %+v, %v", r, err)
	}
	// A mistyped `state: /var/lib` must not cost every service of the machine its files.
	other := t.TempDir()
	if r, err := State(other, Owner{1234, 1234}, now); err == nil || uid(t, other) != 0 {
		t.Errorf("a folder without a database: %+v, %v", r, err)
	}
	fresh := filepath.Join(other, "rackhand")
	if err := os.Mkdir(fresh, 0o700); err != nil {
		t.Fatal(err)
	}
	if r, err := State(fresh, Owner{1234, 1234}, now); err != nil || r.Copy != "" || r.Changed != 1 {
		t.Errorf("before the first start: %+v, %v", r, err)
	}
}

// TestReadable: what others may not read, the group may; owners and hidden folders stay.
func TestReadable(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{"rackhand.yaml": 0o600, "open.yaml": 0o644, "inventory/rack.yaml": 0o640, "own": 0o600, ".git/config": 0o600, ".hidden": 0o600} {
		write(t, filepath.Join(dir, path), "")
		if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, "")
	if err := errors.Join(os.Symlink(outside, filepath.Join(dir, "link")), os.Chmod(dir, 0o700), os.Chmod(filepath.Join(dir, "inventory"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(dir, "own"), 1234, 1234); err != nil {
		t.Fatal(err)
	}
	changed, err := Readable(dir, Owner{1234, 1234})
	if err != nil || changed != 4 {
		t.Errorf("%d changed, %v", changed, err)
	}
	for path, want := range map[string]string{
		"": "0:1234 750", "rackhand.yaml": "0:1234 640", "open.yaml": "0:0 644", "inventory": "0:1234 750", "inventory/rack.yaml": "0:1234 640",
		"own": "1234:1234 600", ".git": "0:0 700", ".git/config": "0:0 600", ".hidden": "0:0 600", "link": "0:0 600",
	} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if got := fmt.Sprintf("%d:%d %o", st.Uid, st.Gid, info.Mode().Perm()); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
	if changed, err := Readable(dir, Owner{1234, 1234}); changed != 0 || err != nil {
		t.Errorf("again: %d, %v", changed, err)
	}
}

// TestFile: one file changes its owner; a link to one elsewhere gives nothing away.
func TestFile(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	own, link := filepath.Join(dir, "identity.txt"), filepath.Join(dir, "link")
	write(t, own, "")
	other := filepath.Join(t.TempDir(), "shadow")
	write(t, other, "")
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{own, link} {
		if did, err := File(path, Owner{1234, 1234}); !did || err != nil {
			t.Errorf("%s: %v, %v", path, did, err)
		}
	}
	if uid(t, own) != 1234 || uid(t, other) != 0 || uid(t, dir) != 0 {
		t.Errorf("owners: %d, %d, %d", uid(t, own), uid(t, other), uid(t, dir))
	}
}
