//go:build e2e

package mirror

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/bootfiles/image"
)

// A real apt, with settings and state of its own, updates and fetches a package
// through the cache over loopback from the mirror that this machine's apt uses,
// and then once more with that mirror gone.
func TestApt(t *testing.T) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Fatal("apt-get isn't installed: run this test on Debian")
	}
	sources, err := image.HostSources("bookworm")
	if err != nil {
		t.Fatal(err)
	}
	upstreams, lines := map[string]string{}, ""
	for _, s := range sources {
		u, err := url.Parse(s.URI)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("this test needs a mirror over HTTP, and apt's sources have another")
		}
		name := fmt.Sprintf("m%x", len(upstreams))
		for n, base := range upstreams {
			if base == s.URI {
				name = n
			}
		}
		upstreams[name] = s.URI
		lines += fmt.Sprintf("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] FRONT/mirror/%s/ %s main\n", name, s.Suite)
	}
	b := newTestCache(t, Options{Upstreams: upstreams})
	lines = strings.ReplaceAll(lines, "FRONT", b.front.URL)
	aptRound(t, lines)
	b.waitIdle()
	files, partial := b.stored(t)
	if len(files) < 4 || len(partial) > 0 {
		t.Errorf("the cache keeps %d files, with %d under way", len(files), len(partial))
	}
	if b.kinds() != "" {
		t.Errorf("events: %s", b.kinds())
	}
	// The same cache, when its upstreams have gone.
	for name := range upstreams {
		upstreams[name] = "http://127.0.0.1:1/gone"
	}
	gone := newTestCache(t, Options{Dir: b.Cache.o.Dir, Upstreams: upstreams})
	aptRound(t, strings.ReplaceAll(lines, b.front.URL, gone.front.URL))
	if gone.kinds() == "" {
		t.Error("old copies were served, and nobody was told")
	}
}

// aptRound acts as a host does: update, then fetch a package.
func aptRound(t *testing.T, lines string) {
	t.Helper()
	apt := newApt(t, lines)
	apt.update()
	apt.download("hostname")
}

// An aptHost is a real apt with settings and state of its own.
type aptHost struct {
	t   *testing.T
	dir string
}

func newApt(t *testing.T, lines string) aptHost {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d", "here"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := fmt.Sprintf(`Dir::Etc "%[1]s/etc";
Dir::State "%[1]s/state";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::http::Proxy "DIRECT";
`, dir)
	for name, text := range map[string]string{"apt.conf": conf, "etc/sources.list": lines, "status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return aptHost{t, dir}
}

func (a aptHost) run(args ...string) {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), "apt-get", args...)
	cmd.Dir = filepath.Join(a.dir, "here")
	cmd.Env = []string{"APT_CONFIG=" + filepath.Join(a.dir, "apt.conf"), "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("apt-get %v: %v\n%s", args, err, out)
	}
}

func (a aptHost) update() { a.t.Helper(); a.run("-o", "APT::Update::Error-Mode=any", "update") }

// download fetches a package again, and returns its bytes.
func (a aptHost) download(name string) []byte {
	a.t.Helper()
	pattern := filepath.Join(a.dir, "here", name+"_*.deb")
	old, err := filepath.Glob(pattern)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			a.t.Fatal(err)
		}
	}
	a.run("download", name)
	debs, err := filepath.Glob(pattern)
	if err != nil || len(debs) != 1 {
		a.t.Fatalf("apt fetched %v (%v)", debs, err)
	}
	data, err := os.ReadFile(debs[0])
	if err != nil {
		a.t.Fatal(err)
	}
	return data
}
