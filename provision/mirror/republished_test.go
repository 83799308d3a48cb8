package mirror

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// A box gets the file that the index of the moment names.
func TestPublishedAnew(t *testing.T) {
	for _, c := range []struct {
		name, base, suite string
		byHash            bool
		box               aptClient
	}{
		{"flat", "/debian", "", false, aptClient{nil, "/debian/InRelease", "/debian/Packages.gz"}},
		{"a flat one at the top", "", "", false, aptClient{nil, "/InRelease", "/Packages.gz"}},
		{"a suite", "", "stable", false, aptClient{nil, "/dists/stable/InRelease", "/dists/stable/main/binary-amd64/Packages.gz"}},
		{"a suite with a slash, by hash", "/debian", "stable/updates", true, aptClient{nil, "/debian/dists/stable/updates/InRelease", ""}},
	} {
		for _, change := range []struct{ name, old, newText string }{
			{"another size", "old", "newer"},
			{"the same size", "old", "new"},
		} {
			t.Run(c.name+", "+change.name, func(t *testing.T) {
				u := newUpstream(t, map[string][]byte{})
				dir := t.TempDir()
				b := c.box
				b.testCache = newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}})
				same := c.base + "/pool/same+x_2.0_all.deb"
				u.publish(t, c.base, c.suite, c.byHash, map[string]string{"same+x_2.0_all.deb": change.old, "other_1_all.deb": "other"})
				b.update(t)
				b.wants(t, same, change.old)
				b.wants(t, c.base+"/pool/other_1_all.deb", "other")

				u.publish(t, c.base, c.suite, c.byHash, map[string]string{"same+x_2.0_all.deb": change.newText, "other_1_all.deb": "other"})
				b.wants(t, same, change.old) // the index at hand still says so
				b.update(t)
				asked := u.asked()
				b.wants(t, c.base+"/pool/other_1_all.deb", "other")
				if u.asked() != asked {
					t.Error("a package that is as it was is asked about again")
				}
				b.wants(t, same, change.newText)
				b.wants(t, same, change.newText)
				if u.asked() != asked+1 {
					t.Errorf("the new one was asked for %d times, want once", u.asked()-asked)
				}
				if b.kinds() != "mirror-replaced" {
					t.Errorf("events: %s", b.kinds())
				}
				// And once more, over a restart.
				u.publish(t, c.base, c.suite, c.byHash, map[string]string{"same+x_2.0_all.deb": "the third one", "other_1_all.deb": "other"})
				b.update(t)
				b.testCache = newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}})
				b.wants(t, same, "the third one")
			})
		}
	}
}

// The same for rpm, whose index is primary.xml by repomd.xml.
func TestRPMPublishedAnew(t *testing.T) {
	for _, c := range []struct{ name, index, tag string }{
		{"named by its hash", "repodata/%s-primary.xml.gz", "primary"},
		{"by a name that stays", "repodata/primary.xml.gz", "primary"},
		{"an index that can't be read", "repodata/primary.sqlite.bz2", "primary_db"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newUpstream(t, map[string][]byte{})
			publish := func(data string) (index string) {
				packed := gzipped(t, fmt.Sprintf(`<metadata><package type="rpm"><name>same</name><arch>noarch</arch><checksum type="sha256" pkgid="YES">%s</checksum><size package="%d"/><location href="Packages/same++.rpm"/></package></metadata>`,
					sha([]byte(data)), len(data)))
				index = c.index
				if strings.Contains(index, "%s") {
					index = fmt.Sprintf(index, sha(packed))
				}
				u.set("/os/Packages/same++.rpm", data)
				u.set("/os/Packages/gone.rpm", "gone")
				u.set("/os/"+index, string(packed))
				u.set("/os/repodata/repomd.xml", fmt.Sprintf(`<repomd><data type="%s"><checksum type="sha256">%s</checksum><location href="%s"/><size>%d</size></data></repomd>`, c.tag, sha(packed), index, len(packed)))
				return index
			}
			b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}})
			makecache := func(index string) {
				b.pass(defaultFresh)
				for _, p := range []string{"repodata/repomd.xml", index} {
					if got := b.get(t, "GET", "/mirror/m/os/"+p); got.status != 200 {
						t.Fatalf("%s: %d", p, got.status)
					}
					b.waitIdle()
				}
			}
			wants := func(body string) {
				t.Helper()
				for range 2 {
					if got := b.get(t, "GET", "/mirror/m/os/Packages/same%2b%2b.rpm"); got.body != body {
						t.Errorf("%d %q, want %q", got.status, got.body, body)
					}
					b.waitIdle()
				}
			}
			makecache(publish("old"))
			wants("old")
			b.get(t, "GET", "/mirror/m/os/Packages/gone.rpm")
			makecache(publish("new"))
			asked := u.asked()
			wants("new")
			if u.asked() != asked+1 {
				t.Errorf("asked %d times", u.asked()-asked)
			}
			// A package that no index names any more is good for those who still know it.
			u.mu.Lock()
			delete(u.files, "/os/Packages/gone.rpm")
			u.mu.Unlock()
			for range 2 {
				if got := b.get(t, "GET", "/mirror/m/os/Packages/gone.rpm"); got.body != "gone" {
					t.Errorf("%d %q", got.status, got.body)
				}
			}
			if b.kinds() != "mirror-replaced" {
				t.Errorf("events: %s", b.kinds())
			}
		})
	}
}

// Many ask for the replaced file at once: it is fetched once, and all get the new one.
func TestManyAskForTheReplaced(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	b := aptClient{newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}}), "/InRelease", "/Packages.gz"}
	u.publish(t, "", "", false, map[string]string{"a_1.deb": "old"})
	b.update(t)
	b.wants(t, "/pool/a_1.deb", "old")
	newText := strings.Repeat("new", 200_000)
	u.publish(t, "", "", false, map[string]string{"a_1.deb": newText})
	b.update(t)
	asked := u.asked()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := b.get(t, "GET", "/mirror/m/pool/a_1.deb"); got.body != newText || got.err != nil {
				t.Errorf("%d, %d bytes, %v", got.status, len(got.body), got.err)
			}
		})
	}
	all.Wait()
	b.waitIdle()
	if u.asked() != asked+1 {
		t.Errorf("it was fetched %d times", u.asked()-asked)
	}
}

// Prefetch brings the new one too; offline it says what it can't bring, and boxes get
// what there is.
func TestPrefetchPublishedAnew(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	u.publish(t, "", "stable", true, map[string]string{"a_1.deb": "old"})
	dir := t.TempDir()
	b := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}})
	w := PrefetchRequest{Archives: []Archive{{"m", "stable", []string{"main"}}}, Arch: "amd64", Packages: []string{"a"}}
	if got, err := b.Prefetch(t.Context(), w); err != nil || got.Fetched != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	u.publish(t, "", "stable", true, map[string]string{"a_1.deb": "newer"})
	b.pass(defaultFresh)
	if got, err := b.Prefetch(t.Context(), w); err != nil || got.Fetched != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	off := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}, Offline: true})
	if got := off.get(t, "GET", "/mirror/m/pool/a_1.deb"); got.body != "newer" {
		t.Errorf("%q", got.body)
	}
	if _, err := off.Prefetch(t.Context(), w); err != nil {
		t.Error(err)
	}
	// An aptClient has brought a newer index into the cache, and not the package; then offline.
	u.publish(t, "", "stable", true, map[string]string{"a_1.deb": "the third one"})
	aptClient{b, "/dists/stable/InRelease", ""}.update(t)
	off = newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}, Offline: true})
	if got := off.get(t, "GET", "/mirror/m/pool/a_1.deb"); got.body != "newer" {
		t.Errorf("%q", got.body)
	}
	if _, err := off.Prefetch(t.Context(), w); err == nil || !strings.Contains(err.Error(), "the archive's index names another file") {
		t.Errorf("offline, with an old copy: %v", err)
	}
	// The upstream's sync isn't through: prefetch says so.
	u.set("/pool/a_1.deb", "newer")
	if _, err := b.Prefetch(t.Context(), w); err == nil || !strings.Contains(err.Error(), "in the middle of its sync") {
		t.Errorf("%v", err)
	}
}
