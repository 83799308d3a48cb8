package edit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
)

const rack = `# the rack
networks: {rack1: {subnet: 10.77.0.0/24, gateway: 10.77.0.1, leases: 10.77.0.200-10.77.0.240}}
hosts:
  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11} # the first
`

func load(dir string) (*inventory.Snapshot, inventory.Problems) {
	return inventory.Load(dir, inventory.Options{})
}

// folder makes an inventory of files by name.
func folder(t *testing.T, files map[string]string) Folder {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Folder{Dir: dir, Load: load}
}

func (f Folder) text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(f.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names lists what lies in the folder, so that a left-over is seen.
func (f Folder) names(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func setting(path Path, values ...string) func([]File) (Change, error) {
	return func(files []File) (Change, error) { return SetIn(files, "", path, values...) }
}

func TestFolder(t *testing.T) {
	f := folder(t, map[string]string{"rack.yaml": rack, ".rack.yaml.swp": "junk: [", "notes.txt": "x"})
	path := filepath.Join(f.Dir, "rack.yaml")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	out, err := f.Edit(t.Context(), true, setting(Path{"hosts", "web1", "disk"}, "sda"))
	if err != nil || !strings.Contains(out.Diff(), "+  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, disk: sda} # the first") {
		t.Fatalf("dry: %v\n%s", err, out.Diff())
	}
	if f.text(t, "rack.yaml") != rack {
		t.Error("a dry run wrote")
	}
	if _, err := f.Edit(t.Context(), false, setting(Path{"hosts", "web1", "disk"}, "sda")); err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(rack, "11}", "11, disk: sda}", 1); f.text(t, "rack.yaml") != want {
		t.Errorf("got %q", f.text(t, "rack.yaml"))
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if diff := cmp.Diff([]string{".rack.yaml.swp", "notes.txt", "rack.yaml"}, f.names(t)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The owner is kept where that may be done; where not, the edit is refused. Which
// of the two holds depends on who runs the test: a group of one's own can be had
// by anyone who is in several.
func TestOwner(t *testing.T) {
	f := folder(t, map[string]string{"rack.yaml": rack})
	path := filepath.Join(f.Dir, "rack.yaml")
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	gid, uid := os.Getgid(), os.Getuid()
	if uid == 0 {
		uid, gid = 12345, 23456
	} else if len(groups) > 0 {
		gid = groups[len(groups)-1]
	}
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Edit(t.Context(), false, setting(Path{"hosts", "web1", "disk"}, "sda")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != uid || int(st.Gid) != gid {
		t.Errorf("it belongs to %d:%d, not %d:%d", st.Uid, st.Gid, uid, gid)
	}
}

func TestLinkIsFollowed(t *testing.T) {
	f := folder(t, nil)
	real := filepath.Join(t.TempDir(), "real.yaml")
	if err := os.WriteFile(real, []byte(rack), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, filepath.Join(f.Dir, "rack.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Edit(t.Context(), false, setting(Path{"hosts", "web1", "disk"}, "sda")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(filepath.Join(f.Dir, "rack.yaml")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info.Mode(), err)
	}
	if b, err := os.ReadFile(real); err != nil || !strings.Contains(string(b), "disk: sda") {
		t.Errorf("%s, %v", b, err)
	}
}

func TestRefusedByInventory(t *testing.T) {
	f := folder(t, map[string]string{"rack.yaml": rack})
	_, err := f.Edit(t.Context(), false, setting(Path{"hosts", "web1", "group"}, "web"))
	var broken *Broken
	if !errors.As(err, &broken) || broken.Already != 0 || !strings.Contains(err.Error(), `there is no group "web"`) || strings.Contains(err.Error(), os.TempDir()+"/rackhand-edit") {
		t.Errorf("got %v", err)
	}
	if f.text(t, "rack.yaml") != rack {
		t.Error("it was written")
	}

	// Broken at another place before: refused too, and said.
	f = folder(t, map[string]string{"rack.yaml": rack, "z.yaml": "hostz: {}\n"})
	_, err = f.Edit(t.Context(), false, setting(Path{"hosts", "web1", "disk"}, "sda"))
	if !errors.As(err, &broken) || broken.Already != 1 || !strings.Contains(err.Error(), "already has problems (1)") {
		t.Errorf("got %v", err)
	}
	// An edit that mends it is accepted.
	if _, err := f.Edit(t.Context(), false, func(files []File) (Change, error) { return RemoveIn(files, "", Path{"hostz"}) }); err != nil {
		t.Error(err)
	}
}

// Somebody saves the file, or makes it, between the read and the write.
func TestChangedMeanwhile(t *testing.T) {
	for name, c := range map[string]struct{ file, theirs string }{
		"saved": {"rack.yaml", rack + "# mine\n"},
		"made":  {"new.yaml", "# mine\n"},
		"gone":  {"rack.yaml", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := folder(t, map[string]string{"rack.yaml": rack})
			path := filepath.Join(f.Dir, c.file)
			f.Load = func(dir string) (*inventory.Snapshot, inventory.Problems) {
				if c.theirs == "" {
					if err := os.Remove(path); err != nil {
						t.Error(err)
					}
				} else if err := os.WriteFile(path, []byte(c.theirs), 0o600); err != nil {
					t.Error(err)
				}
				return load(dir)
			}
			_, err := f.Edit(t.Context(), false, func(files []File) (Change, error) {
				return Claim(files, c.file, Host{Name: "web9", MAC: inventory.MAC{2, 9}, Address: netip.MustParseAddr("10.77.0.19")})
			})
			var refusal *Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "changed by somebody else") {
				t.Errorf("got %v", err)
			}
			if b, _ := os.ReadFile(path); string(b) != c.theirs {
				t.Errorf("what they wrote is gone: %q", b)
			}
			for _, n := range f.names(t) {
				if strings.HasPrefix(n, ".") {
					t.Errorf("%s was left", n)
				}
			}
		})
	}
}

// Twenty writers at once: each edit is made on top of the others.
func TestWritersTakeTurns(t *testing.T) {
	f := folder(t, map[string]string{"rack.yaml": rack})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			h := Host{Name: fmt.Sprintf("box%d", i), MAC: inventory.MAC{2, 1, byte(i)}, Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(20 + i)})}
			if _, err := f.Edit(t.Context(), false, func(files []File) (Change, error) { return Claim(files, "", h) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	snap, problems := load(f.Dir)
	if len(problems) > 0 || len(snap.Hosts) != 21 {
		t.Errorf("%v\n%s", problems, f.text(t, "rack.yaml"))
	}
}

// The holder of the folder keeps others out, as long as their patience lasts.
func TestLocked(t *testing.T) {
	f := folder(t, map[string]string{"rack.yaml": rack})
	held, err := f.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := f.Edit(ctx, false, setting(Path{"hosts", "web1", "disk"}, "sda")); err == nil || !strings.Contains(err.Error(), "another edit of") {
		t.Errorf("got %v", err)
	}
	held.Close()
	if _, err := f.Edit(t.Context(), false, setting(Path{"hosts", "web1", "disk"}, "sda")); err != nil {
		t.Error(err)
	}
}

// roles/ and templates/ are seen by the try, from where they lie.
func TestTrySeesTheRest(t *testing.T) {
	f := folder(t, map[string]string{"rack.yaml": rack})
	if err := os.MkdirAll(filepath.Join(f.Dir, "roles"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.Dir, "roles", "web.yaml"), []byte("resources: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.Load = func(dir string) (*inventory.Snapshot, inventory.Problems) {
		if _, err := os.ReadFile(filepath.Join(dir, "roles", "web.yaml")); err != nil {
			t.Error(err)
		}
		return load(dir)
	}
	if _, err := f.Edit(t.Context(), true, setting(Path{"hosts", "web1", "disk"}, "sda")); err != nil {
		t.Error(err)
	}
}
