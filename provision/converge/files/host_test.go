package files

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/backup"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/foldertest"
)

// host is a host in a folder: its root is dir/root.
type host struct {
	t   *testing.T
	dir string
}

func newHost(t *testing.T) *host {
	t.Helper()
	f := &host{t: t, dir: t.TempDir()}
	for _, name := range []string{"root/etc/apt/sources.list", "root/var/lib/rackhand-agent/state.json"} {
		f.write(name, "")
	}
	f.write("root/etc/passwd", "root:x:0:0::/:/bin/sh\n")
	return f
}

func (f *host) files() *Files {
	return &Files{
		Root: filepath.Join(f.dir, "root"), Runner: command.Exec{}, Random: strings.NewReader(strings.Repeat("random", 1000)),
		Backups: &backup.Store{Folder: filepath.Join(f.dir, "root/var/lib/rackhand-agent/backup"), Clock: time.Now},
	}
}

// backups are the files and contents of which copies are kept.
func (f *host) backups(want ...string) {
	f.t.Helper()
	store := f.files().Backups
	entries, err := store.List()
	if err != nil {
		f.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(store.Folder, e.SHA256))
		if err != nil {
			f.t.Fatal(err)
		}
		got = append(got, e.Path+" "+string(b))
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("the backups are %q, want %q", got, want)
	}
}

func (f *host) write(name, content string) {
	f.t.Helper()
	foldertest.Write(f.t, filepath.Join(f.dir, name), content)
}

func (f *host) read(name string) string {
	f.t.Helper()
	return foldertest.Read(f.t, filepath.Join(f.dir, name))
}

func (f *host) applyFile(file catalog.File) ([]string, error) {
	f.t.Helper()
	files := f.files()
	differs, err := files.Check(f.t.Context(), &file)
	if err != nil {
		return nil, err
	}
	if len(differs) == 0 {
		return nil, nil
	}
	if err := files.Apply(f.t.Context(), &file); err != nil {
		return differs, err
	}
	again, err := files.Check(f.t.Context(), &file)
	if err != nil || len(again) > 0 {
		f.t.Errorf("applied, but the check says %q, %v", again, err)
	}
	return differs, nil
}

func (f *host) mode(name string) os.FileMode {
	f.t.Helper()
	return foldertest.Mode(f.t, filepath.Join(f.dir, name))
}

// leftovers lists what is in a folder besides the names given.
func (f *host) leftovers(dir string, known ...string) []string {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.dir, dir))
	if err != nil {
		f.t.Fatal(err)
	}
	var out []string
next:
	for _, e := range entries {
		for _, k := range known {
			if e.Name() == k {
				continue next
			}
		}
		out = append(out, e.Name())
	}
	return out
}
