package appliance

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision/catalog"
	"rackhand/provision/journal"
	"rackhand/provision/preview"
	"rackhand/provision/store"
)

const twoRoles = `networks: {rack1: {subnet: 10.77.0.0/24}}
hosts:
  web1: {mac: "52:54:00:00:00:01", address: 10.77.0.11, role: web}
  db1: {mac: "52:54:00:00:00:02", address: 10.77.0.12, role: db}
`

// TestBrokenRole: a typo in a role leaves the hosts of others as they were, and its own on
// the last good version of it, across a restart too; the inventory itself goes on.
func TestBrokenRole(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	big := append(bytes.Repeat([]byte("x"), 2<<20), 0xff)
	for name, text := range map[string]string{
		"rack.yaml":        twoRoles,
		"roles/web.yaml":   "resources:\n  - file: /etc/web\n    template: page\n  - file: /srv/big\n    source: big\n",
		"roles/db.yaml":    "resources:\n  - file: /etc/db\n    content: one\n",
		"templates/page":   "first {{ .Host.Address }} {{ file \"more\" }}",
		"templates/big":    string(big),
		"templates/unused": strings.Repeat("y", 3<<20),
	} {
		write(t, dir, name, text)
	}
	write(t, dir, "templates/files/more", "more")
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "rackhand.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	log := slog.New(slog.DiscardHandler)
	j, err := journal.Open(t.Context(), st, time.Now, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := j.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()
	var a *Appliance
	start := func() {
		t.Helper()
		a = &Appliance{Deps: Deps{Log: log, Clock: time.Now}, store: st, journal: j, cfg: &config.Config{Inventory: dir, State: state, Address: netip.MustParseAddr("10.77.0.1")}}
		a.gate = a.newGate()
		if err := a.openContents(); err != nil {
			t.Fatal(err)
		}
		if err := a.loadInventory(); err != nil {
			t.Fatal(err)
		}
	}
	file := func(host, path string) *catalog.File {
		t.Helper()
		m, err := a.Catalog(a.holder.Current().Hosts[host])
		if err != nil {
			t.Fatalf("the catalog of %s: %v", host, err)
		}
		for _, r := range m.Catalog.Resources {
			if r.File.Path == path {
				return r.File
			}
		}
		t.Fatalf("%s has no %s", host, path)
		return nil
	}
	is := func(when, web, db string) {
		t.Helper()
		if got := file("web1", "/etc/web").Content; !strings.HasPrefix(got, web) || !strings.HasSuffix(got, " more") {
			t.Errorf("%s: the page of web1 is %q", when, got)
		}
		if got := file("db1", "/etc/db").Content; got != db {
			t.Errorf("%s: db1 has %q", when, got)
		}
		f, err := a.Content(file("web1", "/srv/big").SHA256)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, big) {
			t.Errorf("%s: the large file has other %d bytes, %v", when, len(b), err)
		}
	}
	reload := func() { a.inventoryLoaded(a.load()) }
	start()
	is("at first", "first 10.77.0.11", "one")

	// All at once: a typo, an edit of another role, of the template, the source and a host.
	write(t, dir, "roles/web.yaml", "resources:\n  - file: /etc/web\n    tempalte: page\n")
	write(t, dir, "roles/db.yaml", "resources:\n  - file: /etc/db\n    content: two\n")
	write(t, dir, "templates/page", "second")
	write(t, dir, "templates/big", "edited\xff")
	write(t, dir, "rack.yaml", twoRoles+"  db2: {mac: \"52:54:00:00:00:03\", address: 10.77.0.13, role: db}\n  web2: {mac: \"52:54:00:00:00:04\", address: 10.77.0.14, role: web}\n")
	is("before the edit is read", "first 10.77.0.11", "one")
	reload()
	is("with a typo", "first 10.77.0.11", "two")
	if got := file("db2", "/etc/db").Content; got != "two" {
		t.Errorf("a new host has %q", got)
	}
	if got := file("web2", "/etc/web").Content; got != "first 10.77.0.14 more" {
		t.Errorf("a new host of the broken role has %q", got)
	}
	shown := strings.Join(a.problems(), "\n")
	for _, want := range []string{"roles/web.yaml:3:5: file: unknown key \"tempalte\"", "did you mean \"template\"?", rolesInForce} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page and `rackhand status` show\n%s\nwithout %s", shown, want)
		}
	}
	if got := preview.Check(dir, nil).Problems; len(got) != 1 || got[0].Place().String() != "roles/web.yaml:3:5" {
		t.Errorf("check says %v", got)
	}
	events, err := j.Events(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(events); n == 0 || events[0].Kind != "roles-broken" && events[n-1].Kind != "roles-broken" {
		t.Errorf("the events %+v", events)
	}
	start()
	is("started with a typo", "first 10.77.0.11", "two")
	write(t, dir, "roles/web.yaml", "resources:\n  - file: /etc/web\n    template: page\n  - file: /srv/big\n    source: big\n")
	write(t, dir, "templates/page", "third {{ file \"more\" }}")
	big = []byte("edited\xff")
	reload()
	is("mended", "third", "two")
	if shown := a.problems(); len(shown) > 0 {
		t.Errorf("mended, it shows %q", shown)
	}
	if left, err := os.ReadDir(filepath.Join(state, "content")); err != nil || len(left) > 2 {
		t.Errorf("contents that are left: %v, %v", left, err)
	}
	reload()
	reload()
	if left, err := os.ReadDir(filepath.Join(state, "content")); err != nil || len(left) != 1 {
		t.Errorf("contents that are left: %v, %v", left, err)
	}
}
