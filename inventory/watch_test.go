package inventory

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const oneHost = `
networks: {n: {subnet: 10.1.0.0/24}}
hosts: {web1: {mac: 52:54:00:00:00:01, address: 10.1.0.11}}
`

// A watched folder, in a folder of its own, with a watcher that runs until the
// test ends.
type watchedFolder struct {
	t     *testing.T
	dir   string
	w     *Watcher
	loads chan *Snapshot // nil for a bad load
}

func watch(t *testing.T, prepare func(dir string)) *watchedFolder {
	h := &watchedFolder{t: t, dir: filepath.Join(t.TempDir(), "inventory"), loads: make(chan *Snapshot, 1000)}
	prepare(h.dir)
	h.w = &Watcher{
		Dir:    h.dir,
		Load:   func() (*Snapshot, Problems) { return Load(h.dir, Options{}) },
		OnLoad: func(s *Snapshot, _ Problems) { h.loads <- s },
		Log:    slog.New(slog.DiscardHandler),
		// No need to wait for quiet: loads until the change is seen are allowed.
		After: func(time.Duration) <-chan time.Time { return time.After(time.Millisecond) },
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return h
}

// until waits for a load that is as wanted. How many others come before it, and
// when, depends on the machine.
func (h *watchedFolder) until(what string, ok func(*Snapshot) bool) {
	h.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case s := <-h.loads:
			if ok(s) {
				return
			}
		case <-deadline:
			h.t.Fatalf("no load in which %s", what)
		}
	}
}

func bad(s *Snapshot) bool { return s == nil }

func has(host string) func(*Snapshot) bool {
	return func(s *Snapshot) bool { return s != nil && s.Hosts[host] != nil }
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWatchFiles(t *testing.T) {
	h := watch(t, func(dir string) { writeFile(t, filepath.Join(dir, "a.yaml"), oneHost) })
	h.until("web1 is there", has("web1"))

	writeFile(t, filepath.Join(h.dir, "b.yaml"), "hosts: {web2: {mac: 52:54:00:00:00:02, address: 10.1.0.12}}\n")
	h.until("web2 is there", has("web2"))

	// As editors do: write another file, and rename it over the first.
	writeFile(t, filepath.Join(h.dir, "b.yaml.new"), "hosts: {web3: {mac: 52:54:00:00:00:03, address: 10.1.0.13}}\n")
	must(t, os.Rename(filepath.Join(h.dir, "b.yaml.new"), filepath.Join(h.dir, "b.yaml")))
	h.until("web3 is there", has("web3"))

	writeFile(t, filepath.Join(h.dir, "b.yaml"), "hosts: [\n")
	h.until("the file is broken", bad)

	must(t, os.Remove(filepath.Join(h.dir, "b.yaml")))
	h.until("only web1 is there", func(s *Snapshot) bool { return s != nil && len(s.Hosts) == 1 })
}

func TestWatchSubfoldersAndReload(t *testing.T) {
	h := watch(t, func(dir string) { writeFile(t, filepath.Join(dir, "a.yaml"), oneHost) })
	h.until("web1 is there", has("web1"))

	for _, sub := range []string{"roles/web.yaml", "templates/x.ks"} {
		writeFile(t, filepath.Join(h.dir, sub), "first")
		h.until(sub+" is made", has("web1"))
	}
	h.w.Reload()
	h.until("a reload was asked for", has("web1"))
}

// Files that templates include unchanged lie a folder deeper.
func TestWatchFilesOfTemplates(t *testing.T) {
	var motd string
	h := watch(t, func(dir string) {
		writeFile(t, filepath.Join(dir, "a.yaml"), oneHost)
		motd = filepath.Join(dir, "templates", "files", "motd")
	})
	says := func(want string) func(*Snapshot) bool {
		return func(*Snapshot) bool {
			b, err := os.ReadFile(motd)
			return err == nil && string(b) == want
		}
	}
	h.until("web1 is there", has("web1"))
	writeFile(t, motd, "first")
	h.until("the file is made", says("first"))
	for _, text := range []string{"second", "third"} { // nothing but the file changes
		writeFile(t, motd, text)
		h.until("the file says "+text, says(text))
	}
}

func TestWatchReplacedFolder(t *testing.T) {
	h := watch(t, func(dir string) {}) // not there yet
	h.until("nothing is there", bad)

	writeFile(t, filepath.Join(h.dir, "a.yaml"), oneHost)
	h.until("the folder was made", has("web1"))

	// Replaced whole, by rename; then a change in the new one is seen too.
	next := h.dir + ".next"
	writeFile(t, filepath.Join(next, "a.yaml"), "hosts: {}\n")
	must(t, os.Rename(h.dir, h.dir+".old"))
	must(t, os.Rename(next, h.dir))
	h.until("no host is there", func(s *Snapshot) bool { return s != nil && len(s.Hosts) == 0 })
	writeFile(t, filepath.Join(h.dir, "a.yaml"), oneHost)
	h.until("web1 is there", has("web1"))

	// Replaced by a symbolic link, as configuration management does.
	must(t, os.RemoveAll(h.dir))
	h.until("nothing is there", bad)
	must(t, os.Symlink(h.dir+".old", h.dir))
	h.until("the link leads to web1", has("web1"))
	writeFile(t, filepath.Join(h.dir+".old", "a.yaml"), "hosts: {}\n")
	h.until("no host is there", func(s *Snapshot) bool { return s != nil && len(s.Hosts) == 0 })
}

// Many changes at once make one load: it comes when the clock says that the
// folder is quiet, and not before.
func TestWatchWaitsForQuiet(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.yaml"), oneHost)
	quiet := make(chan chan time.Time)
	loads := make(chan *Snapshot, 10)
	w := &Watcher{
		Dir:    dir,
		Load:   func() (*Snapshot, Problems) { return Load(dir, Options{}) },
		OnLoad: func(s *Snapshot, _ Problems) { loads <- s },
		Log:    slog.New(slog.DiscardHandler),
		After: func(d time.Duration) <-chan time.Time {
			c := make(chan time.Time, 1)
			if d == settle {
				quiet <- c
			}
			return c
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	<-loads
	writeFile(t, filepath.Join(dir, "b.yaml"), "hosts: {}\n") // create and write: two events
	<-quiet
	last := <-quiet
	if len(loads) != 0 {
		t.Error("loaded before it was quiet")
	}
	last <- time.Time{}
	if s := <-loads; !has("web1")(s) {
		t.Error("web1 is gone")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestConcerns(t *testing.T) {
	for path, want := range map[string]bool{
		"/i": true, "/i/a.yaml": true, "/i/a.yml": true, "/i/roles": true, "/i/templates/x.ks": true, "/i/roles/web.yaml": true,
		"/": false, "/other": false, "/i2/a.yaml": false, "/i/.a.yaml.swp": false, "/i/4913": false, "/i/a.yaml~": false, "/i/bmc-ca.pem": true, "/i/README": false, "/i/roles/.x": false,
	} {
		if got := concerns("/i", path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
