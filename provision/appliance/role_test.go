package appliance

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision/catalog"
	"rackhand/provision/handout"
	"rackhand/provision/hostfacts"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/preview"
)

const twoRoles = `networks: {rack1: {subnet: 10.77.0.0/24}}
hosts:
  web1: {mac: "52:54:00:00:00:01", address: 10.77.0.11, role: web}
  db1: {mac: "52:54:00:00:00:02", address: 10.77.0.12, role: db}
`

// goodRole is the role web before the typo.
const goodRole = "resources:\n  - file: /etc/web\n    template: page\n  - file: /srv/big\n    source: big\n"

// A roleEdits is an appliance whose roles are edited, and restarted.
type roleEdits struct {
	*Appliance
	t   *testing.T
	big []byte // the binary file of the role web
}

func newRoleEdits(t *testing.T) *roleEdits {
	t.Helper()
	dir := t.TempDir()
	big := append(bytes.Repeat([]byte("x"), 2<<20), 0xff)
	for name, text := range map[string]string{
		"rack.yaml":            twoRoles,
		"roles/web.yaml":       goodRole,
		"roles/db.yaml":        "resources:\n  - file: /etc/db\n    content: one\n",
		"templates/page":       "first {{ .Host.Address }} {{ file \"more\" }}",
		"templates/big":        string(big),
		"templates/unused":     strings.Repeat("y", 3<<20),
		"templates/files/more": "more",
	} {
		write(t, dir, name, text)
	}
	log := slog.New(slog.DiscardHandler)
	st, j := journaltest.Run(t, t.TempDir(), time.Now, nil, log)
	r := &roleEdits{t: t, big: big, Appliance: &Appliance{Deps: Deps{Log: log, Clock: time.Now}, store: st, journal: j}}
	r.cfg = &config.Config{Inventory: dir, State: t.TempDir(), Address: netip.MustParseAddr("10.77.0.1")}
	r.start()
	return r
}

// start starts the appliance, with nothing but what is on disk.
func (r *roleEdits) start() {
	r.t.Helper()
	r.Appliance = &Appliance{Deps: r.Deps, store: r.store, journal: r.journal, cfg: r.cfg, secrets: r.cfg.SecretSources(os.LookupEnv), handout: &handout.Maker{}}
	r.facts = hostfacts.New(hostfacts.Options{Store: r.store, Clock: r.Clock, Counted: r.journal.Counted, Log: r.Log})
	if err := r.facts.Load(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.supply = r.supplies()
	r.gate = r.newGate()
	if err := r.openContents(); err != nil {
		r.t.Fatal(err)
	}
	if err := r.loadInventory(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *roleEdits) reload() { r.inventoryLoaded(r.load()) }

func (r *roleEdits) write(name, text string) {
	r.t.Helper()
	write(r.t, r.cfg.Inventory, name, text)
}

// file returns a file of a host's catalog.
func (r *roleEdits) file(host, path string) *catalog.File {
	r.t.Helper()
	m, err := r.Catalog(r.holder.Current().Hosts[host])
	if err != nil {
		r.t.Fatalf("the catalog of %s: %v", host, err)
	}
	for _, res := range m.Catalog.Resources {
		if res.File.Path == path {
			return res.File
		}
	}
	r.t.Fatalf("%s has no %s", host, path)
	return nil
}

// want checks the files of web1, whose page begins with web, and of db1.
func (r *roleEdits) want(when, web, db string) {
	r.t.Helper()
	if got := r.file("web1", "/etc/web").Content; !strings.HasPrefix(got, web) || !strings.HasSuffix(got, " more") {
		r.t.Errorf("%s: the page of web1 is %q", when, got)
	}
	if got := r.file("db1", "/etc/db").Content; got != db {
		r.t.Errorf("%s: db1 has %q", when, got)
	}
	f, err := r.Content(r.file("web1", "/srv/big").SHA256)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, r.big) {
		r.t.Errorf("%s: the large file has other %d bytes, %v", when, len(b), err)
	}
}

// wantTypo checks that page, check and journal report the typo in the role web.
func (r *roleEdits) wantTypo() {
	r.t.Helper()
	shown := strings.Join(r.problems(), "\n")
	for _, want := range []string{"roles/web.yaml:3:5: file: unknown key \"tempalte\"", "did you mean \"template\"?", rolesInForce} {
		if !strings.Contains(shown, want) {
			r.t.Errorf("the page and `rackhand status` show\n%s\nwithout %s", shown, want)
		}
	}
	if got := preview.Check(r.cfg.Inventory, nil).Problems; len(got) != 1 || got[0].Place().String() != "roles/web.yaml:3:5" {
		r.t.Errorf("check says %v", got)
	}
	events, err := r.journal.Events(r.t.Context(), "", 0)
	if err != nil {
		r.t.Fatal(err)
	}
	if n := len(events); n == 0 || events[0].Kind != "roles-broken" && events[n-1].Kind != "roles-broken" {
		r.t.Errorf("the events %+v", events)
	}
}

// contents counts the files in the store of contents.
func (r *roleEdits) contents() int {
	r.t.Helper()
	files, err := os.ReadDir(filepath.Join(r.cfg.State, "content"))
	if err != nil {
		r.t.Fatal(err)
	}
	return len(files)
}

// TestBrokenRole: with a typo in a role, its hosts stay on the last good version of that
// role, across a restart too. Other edits take effect: of other roles and of the inventory.
func TestBrokenRole(t *testing.T) {
	r := newRoleEdits(t)
	r.want("at first", "first 10.77.0.11", "one")

	// All at once: a typo, an edit of another role, of the template, the source and a host.
	r.write("roles/web.yaml", "resources:\n  - file: /etc/web\n    tempalte: page\n")
	r.write("roles/db.yaml", "resources:\n  - file: /etc/db\n    content: two\n")
	r.write("templates/page", "second")
	r.write("templates/big", "edited\xff")
	r.write("rack.yaml", twoRoles+"  db2: {mac: \"52:54:00:00:00:03\", address: 10.77.0.13, role: db}\n  web2: {mac: \"52:54:00:00:00:04\", address: 10.77.0.14, role: web}\n")
	r.want("before the edit is read", "first 10.77.0.11", "one")
	r.reload()
	r.want("with a typo", "first 10.77.0.11", "two")
	if got := r.file("db2", "/etc/db").Content; got != "two" {
		t.Errorf("a new host has %q", got)
	}
	if got := r.file("web2", "/etc/web").Content; got != "first 10.77.0.14 more" {
		t.Errorf("a new host of the broken role has %q", got)
	}
	r.wantTypo()
	r.start()
	r.want("started with a typo", "first 10.77.0.11", "two")

	r.write("roles/web.yaml", goodRole)
	r.write("templates/page", "third {{ file \"more\" }}")
	r.big = []byte("edited\xff")
	r.reload()
	r.want("corrected", "third", "two")
	if shown := r.problems(); len(shown) > 0 {
		t.Errorf("corrected, it shows %q", shown)
	}
	if n := r.contents(); n > 2 {
		t.Errorf("%d contents are left", n)
	}
	r.reload()
	r.reload()
	if n := r.contents(); n != 1 {
		t.Errorf("%d contents are left after two more loads, want 1", n)
	}
}

// TestHostileFacts: a host with facts that its roles can't be made of keeps its last catalog.
// Other hosts with these roles get what is new, also after a restart.
func TestHostileFacts(t *testing.T) {
	r := newRoleEdits(t)
	const role = "resources:\n  - file: /etc/id\n    content: VERSION ${facts.os.id}\n"
	r.write("rack.yaml", "networks: {n: {subnet: 10.77.0.0/24}}\ndefaults: {role: web}\nhosts:\n"+
		"  web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11}\n  db1: {mac: \"52:54:00:00:00:02\", address: 10.77.0.12}\n")
	edit := func(version string) {
		t.Helper()
		r.write("roles/web.yaml", strings.Replace(role, "VERSION", version, 1))
		r.reload()
		if len(r.rolesReported) > 0 {
			t.Errorf("%s: %v", version, r.rolesReported)
		}
	}
	say := func(host, facts string) {
		t.Helper()
		if _, err := r.facts.Put(t.Context(), host, []byte(facts)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when, host, content string, failing bool) {
		t.Helper()
		m, err := r.Catalog(r.holder.Current().Hosts[host])
		if (err != nil) != failing || m == nil || len(m.Catalog.Resources) != 1 || m.Catalog.Resources[0].File.Content != content {
			t.Errorf("%s: %s has %+v, %v", when, host, m, err)
		}
	}
	say("web1", `{"os": {"id": "debian"}}`)
	edit("1")
	want("good", "web1", "1 debian", false)
	say("db1", `{"os": {"id": ["not", "a", "text"]}}`)
	edit("2")
	want("another host is hostile", "web1", "2 debian", false)
	if m, err := r.Catalog(r.holder.Current().Hosts["db1"]); m != nil || err == nil {
		t.Errorf("of hostile facts: %+v, %v", m, err)
	}
	r.start()
	edit("3")
	want("after a restart", "web1", "3 debian", false)
}
