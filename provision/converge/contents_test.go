package converge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

func sensitive(path, content string) catalog.Resource {
	r := file(path, content)
	r.File.Sensitive = true
	return r
}

func (r *testHost) results() []string {
	r.t.Helper()
	if len(r.app.reports) == 0 {
		return nil
	}
	return statuses(r.app.reports[len(r.app.reports)-1].Results)
}

// TestExactBytes: what arrives is what the catalog names, byte for byte: all bytes, a zero
// byte, nothing at all.
func TestExactBytes(t *testing.T) {
	r := newTestHost(t)
	contents := map[string]string{"/etc/all": allBytes(), "/etc/zero": "\x00", "/etc/empty": "", "/etc/text": "naïve\r\n", "/etc/odd name?#%41": "x"}
	var resources []catalog.Resource
	for path, content := range contents {
		resources = append(resources, file(path, content))
	}
	r.app.byHash(resources...)
	r.once(catalog.Changed)
	for path, content := range contents {
		if got := r.read("root" + path); got != content {
			t.Errorf("%s holds %q", path, got)
		}
	}
	r.once(catalog.OK)
	if n := r.app.calls[catalog.ContentPath+catalog.Sum(allBytes())]; n != 1 {
		t.Errorf("a content was fetched %d times", n)
	}
	// Behind our back, and without the appliance: what is kept here mends it.
	r.write("root/etc/all", "spoilt")
	r.app.Close()
	r.restart()
	r.once(catalog.Changed)
	if got := r.read("root/etc/all"); got != allBytes() {
		t.Errorf("mended without the appliance: %q", got)
	}
}

// TestWrongContent: bytes that aren't those that the catalog names reach no file, and neither
// does a part of them.
func TestWrongContent(t *testing.T) {
	for name, spoil := range map[string]func(a *appliance, sum string){
		"other bytes":  func(a *appliance, sum string) { a.content[sum] = "HELLO\n" },
		"too few":      func(a *appliance, sum string) { a.content[sum] = "hell" },
		"too many":     func(a *appliance, sum string) { a.content[sum] = "hello\nand more" },
		"not there":    func(a *appliance, sum string) { delete(a.content, sum) },
		"not its host": func(a *appliance, sum string) { a.fail[catalog.ContentPath+sum] = http.StatusForbidden },
	} {
		r := newTestHost(t)
		r.write("root/etc/motd", "as it was\n")
		r.app.byHash(file("/etc/motd", "hello\n"), file("/etc/other", "x"))
		spoil(r.app, catalog.Sum("hello\n"))
		status, err := r.Once(t.Context(), false)
		if got := r.results(); status != catalog.Failed || err != nil || !strings.HasPrefix(got[0], "file[/etc/motd] failed") || !strings.HasPrefix(got[1], "file[/etc/other] changed") {
			t.Errorf("%s: %s, %v, %q", name, status, err, got)
		}
		if r.read("root/etc/motd") != "as it was\n" {
			t.Errorf("%s: the file holds %q", name, r.read("root/etc/motd"))
		}
		if left, err := filepath.Glob(filepath.Join(r.dir, "root/etc/.*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind %v, %v", name, left, err)
		}
	}
}

// TestBrokenOff: an answer that breaks off, or an appliance that isn't ready, is asked again
// within the run; what came by then is in no file.
func TestBrokenOff(t *testing.T) {
	r := newTestHost(t)
	long := strings.Repeat(allBytes(), 1000)
	r.app.byHash(file("/etc/long", long), sensitive("/etc/key", strings.Repeat("hunter2", 10000)))
	r.app.breaks = 3
	r.app.fail[catalog.SecretsPath+"/etc/key"], r.app.failures = http.StatusServiceUnavailable, 1
	r.once(catalog.Changed)
	if r.read("root/etc/long") != long || r.read("root/etc/key") != strings.Repeat("hunter2", 10000) || r.app.breaks != 0 || r.pauses != 4 {
		t.Errorf("%d bytes, %d bytes; %d breaks left, %d pauses", len(r.read("root/etc/long")), len(r.read("root/etc/key")), r.app.breaks, r.pauses)
	}
	// It goes for good in the middle of the run.
	r.app.byHash(file("/etc/long", "other"), sensitive("/etc/key", "other"), file("/etc/motd", "x"))
	r.app.asked = func(path string) {
		if strings.HasPrefix(path, catalog.ContentPath) {
			r.app.fail[catalog.ContentPath+catalog.Sum("other")], r.app.fail[catalog.SecretsPath+"/etc/key"], r.app.failures = 503, 503, -1
		}
	}
	if status, err := r.Once(t.Context(), false); status != catalog.Failed || err != nil {
		t.Errorf("%s, %v", status, err)
	}
	got := r.results()
	for i, want := range []string{"file[/etc/long] failed", "file[/etc/key] unknown the file stays as it is", "file[/etc/motd] failed"} {
		if !strings.HasPrefix(got[i], want) {
			t.Errorf("%q, want %q", got[i], want)
		}
	}
	if r.read("root/etc/long") != long || r.read("root/etc/key") != strings.Repeat("hunter2", 10000) {
		t.Error("the files changed")
	}
	r.noSecrets()
}

// TestKeptContents: what is kept is bounded, the one used longest ago goes first, what a kill
// left behind goes, and a damaged one is fetched again.
func TestKeptContents(t *testing.T) {
	r := newTestHost(t)
	r.Engine.Contents.Most = 100
	folder := r.root.contents()
	name := func(i int) string { return fmt.Sprintf("%d:%s", i, strings.Repeat("x", 28)) } // 30 bytes
	for i := range 5 {
		r.app.byHash(file("/etc/x", name(i)))
		r.once(catalog.Changed)
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(r.root.In("/var/lib/rackhand-agent/content/"+catalog.Sum(name(i))), at, at); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			r.write("root/var/lib/rackhand-agent/content/.part-1", "left behind")
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	for i := 2; i < 5; i++ {
		if !r.exists("root/var/lib/rackhand-agent/content/" + catalog.Sum(name(i))) {
			t.Errorf("content %d isn't kept", i)
		}
	}
	r.app.byHash(file("/etc/x", strings.Repeat("y", 60)))
	r.once(catalog.Changed)
	if r.exists("root/var/lib/rackhand-agent/content/" + catalog.Sum(strings.Repeat("y", 60))) {
		t.Error("one of more than half of what is kept is kept")
	}
	r.write("root/var/lib/rackhand-agent/content/"+catalog.Sum(name(4)), strings.Repeat("z", 30))
	r.app.byHash(file("/etc/x", name(4)))
	r.once(catalog.Changed)
	if got := r.read("root/etc/x"); got != name(4) {
		t.Errorf("from a damaged one: %q", got)
	}
}

// TestSecretsStayInMemory: neither a secret nor its hash is kept in the agent's folder; a
// changed one arrives though the catalog is the same; without the appliance its file stays as
// it is, and the report says so.
func TestSecretsStayInMemory(t *testing.T) {
	r := newTestHost(t)
	resources := []catalog.Resource{sensitive("/etc/key", "hunter2"), file("/etc/motd", "hello\n"), sensitive("/etc/empty", "")}
	r.app.byHash(resources...)
	r.once(catalog.Changed)
	kept := func() {
		t.Helper()
		if err := filepath.WalkDir(r.root.folder(), func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			for _, secret := range []string{"hunter", catalog.Sum("hunter2"), catalog.Sum("hunter3")} {
				if strings.Contains(string(b), secret) || strings.Contains(path, secret) {
					t.Errorf("%s stands in %s", secret, path)
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if r.read("root/etc/key") != "hunter2" || r.read("root/etc/empty") != "" {
		t.Errorf("the secret is %q", r.read("root/etc/key"))
	}
	kept()
	r.once(catalog.OK)
	r.app.secret["/etc/key"] = "hunter3"
	r.once(catalog.Changed)
	if r.read("root/etc/key") != "hunter3" {
		t.Errorf("the changed secret is %q", r.read("root/etc/key"))
	}
	kept()
	r.write("root/etc/key", "spoilt")
	r.write("root/etc/motd", "spoilt")
	r.app.Close()
	r.restart()
	r.once(catalog.Changed)
	if r.read("root/etc/key") != "spoilt" || r.read("root/etc/motd") != "hello\n" {
		t.Errorf("without the appliance: %q, %q", r.read("root/etc/key"), r.read("root/etc/motd"))
	}
	r.once(catalog.OK) // not failed because of the secrets alone
	if err := os.Remove(r.root.In("/etc/key")); err != nil {
		t.Fatal(err)
	}
	if status, _ := r.Once(t.Context(), false); status != catalog.Failed {
		t.Errorf("a secret that isn't there at all: %s", status)
	}
	state, _, err := OpenState(r.root.state())
	if err != nil || len(state.Unsent) != 3 {
		t.Fatal(state, err)
	}
	for i, want := range []string{"unknown the file stays as it is: it has a secret", "unknown", "failed it isn't there: it has a secret"} {
		if got := statuses(state.Unsent[i].Results); !strings.HasPrefix(got[0], "file[/etc/key] "+want) {
			t.Errorf("run %d: %q", i, got)
		}
	}
	if w := state.Unsent[1].Warnings; len(w) != 1 || !strings.Contains(w[0], "2 resources with secrets stay as they are") {
		t.Errorf("warnings %q", w)
	}
	kept()
	r.noSecrets()
}

// TestDryRunByHash: a dry run fetches what a diff is made of, keeps nothing, and shows no
// secret.
func TestDryRunByHash(t *testing.T) {
	r := newTestHost(t)
	r.write("root/etc/motd", "one\n")
	r.write("root/etc/key", "old")
	r.app.byHash(file("/etc/motd", "one\ntwo\n"), sensitive("/etc/key", "hunter2"))
	r.once(catalog.Changed)
	if err := os.RemoveAll(r.root.contents()); err != nil {
		t.Fatal(err)
	}
	r.write("root/etc/motd", "one\n")
	r.write("root/etc/key", "old")
	var shown strings.Builder
	r.Engine.Diffs = &shown
	status, err := r.Once(t.Context(), true)
	if status != catalog.Changed || err != nil || !strings.Contains(shown.String(), "+two") || strings.Contains(shown.String(), "hunter2") {
		t.Errorf("%s, %v, %s", status, err, &shown)
	}
	if r.exists("root/var/lib/rackhand-agent/content") || r.read("root/etc/key") != "old" {
		t.Error("a dry run changed something")
	}
	r.noSecrets()
}

// TestUnknownResources: a type or an attribute that this agent doesn't know costs the
// resource that has it, and what requires that; the rest converges.
func TestUnknownResources(t *testing.T) {
	r := newTestHost(t)
	r.Engine.Version = "1.2"
	text := func(path string, more string) string {
		r.app.content[catalog.Sum(path)] = path
		return fmt.Sprintf(`{"id": "file[%s]", "file": {"path": %[1]q, "ensure": "file", "sha256": %q, "size": %d%s}, "source": "roles/web.yaml:1:1"}`, path, catalog.Sum(path), len(path), more)
	}
	r.app.content = map[string]string{}
	after := text("/etc/b", "")
	after = strings.TrimSuffix(after, "}") + `, "require": ["robot[www]"]}`
	r.app.raw = `{"format": 2, "host": "web1", "version": "v2", "resources": [{"id": "robot[www]", "robot": {"name": "www"}, "source": "roles/web.yaml:2:2"}, ` +
		text("/etc/a", `, "selinux": "u:www:r"`) + ", " + after + ", " + text("/etc/c", "") + "]}"
	status, err := r.Once(t.Context(), false)
	want := []string{
		`robot[www] failed this agent (version 1.2) can't bring it about: unknown field "robot"; it upgrades itself when the appliance offers a newer one`,
		`file[/etc/a] failed this agent (version 1.2) can't bring it about: unknown field "selinux"`,
		"file[/etc/b] skipped requires robot[www]", "file[/etc/c] changed",
	}
	got := r.results()
	if status != catalog.Failed || err != nil || len(got) != len(want) {
		t.Fatalf("%s, %v, %q", status, err, got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	if r.exists("root/etc/a") || r.exists("root/etc/b") || r.read("root/etc/c") != "/etc/c" {
		t.Error("the wrong files are there")
	}
	// What is kept has all that a newer agent may know.
	if kept := r.read("root/var/lib/rackhand-agent/catalog-2.json"); kept != r.app.raw {
		t.Errorf("kept is %s", kept)
	}
}

// TestOldAppliance: a catalog of the first format, of an appliance older than this agent, is
// carried out, and no secret of it is kept.
func TestOldAppliance(t *testing.T) {
	r := newTestHost(t)
	r.app.catalog.Resources = []catalog.Resource{file("/etc/motd", "hello\n"), sensitive("/etc/key", "hunter2")}
	r.once(catalog.Changed)
	r.once(catalog.OK)
	kept := r.read("root/var/lib/rackhand-agent/catalog-2.json")
	var c catalog.Catalog
	if err := json.Unmarshal([]byte(kept), &c); err != nil || strings.Contains(kept, "hunter2") || len(c.Resources) != 2 {
		t.Errorf("kept is %s, %v", kept, err)
	}
	r.app.Close()
	r.restart()
	r.once(catalog.OK)
	if r.read("root/etc/key") != "hunter2" || r.read("root/etc/motd") != "hello\n" {
		t.Error("the files changed")
	}
}

// TestFlatMemory: a file of 100 MB passes through the agent in small pieces, when it is
// fetched, when it is looked at, and when it comes from what is kept.
func TestFlatMemory(t *testing.T) {
	r := newTestHost(t)
	big := strings.Repeat("0123456789abcdef", 100<<16)
	r.app.byHash(file("/etc/big", big))
	spent := func(when, want string) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r.once(want)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
			t.Errorf("%s: %d bytes allocated", when, took)
		}
	}
	spent("fetched", catalog.Changed)
	spent("looked at", catalog.OK)
	if err := os.Remove(r.root.In("/etc/big")); err != nil {
		t.Fatal(err)
	}
	spent("kept", catalog.Changed)
	if n := r.app.calls[catalog.ContentPath+catalog.Sum(big)]; n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
}

// A large content has time to come over a slow link, unless its role says how much.
func TestDeadlineOfContent(t *testing.T) {
	for _, tc := range []struct {
		size     int64
		deadline int
		want     time.Duration
	}{{0, 0, 300 * time.Second}, {100 << 20, 0, 400 * time.Second}, {100 << 20, 20, 20 * time.Second}} {
		res := file("/x", "")
		res.File.Size, res.Deadline = tc.size, tc.deadline
		if got := deadlineOf(&res); got != tc.want {
			t.Errorf("%+v: %s", tc, got)
		}
	}
}
