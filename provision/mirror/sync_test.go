package mirror

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// syncedDeb is the package of startSync, "the old one" at first.
const syncedDeb = "/pool/a_1.deb"

// startSync returns an upstream with one package, and a client that has it.
func startSync(t *testing.T) (*upstream, aptClient) {
	t.Helper()
	u := newUpstream(t, map[string][]byte{})
	b := aptClient{newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}}), "/InRelease", "/Packages.gz"}
	u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one"})
	b.update(t)
	b.wants(t, syncedDeb, "the old one")
	return u, b
}

// A mirror in the middle of its sync: nothing good is thrown away for something bad.
func TestSyncInProgress(t *testing.T) {
	const deb = syncedDeb
	for _, newText := range []string{"the new one, longer", "the new one"} {
		t.Run("the index comes before the package: "+newText, func(t *testing.T) {
			u, b := startSync(t)
			u.publish(t, "", "", false, map[string]string{"a_1.deb": newText})
			u.set(deb, "the old one")
			b.update(t)
			b.wants(t, deb, "the old one") // as the upstream has it
			asked := u.asked()
			b.wants(t, deb, "the old one")
			if u.asked() != asked {
				t.Error("everybody who comes asks the upstream for what it doesn't have")
			}
			if b.kinds() != "mirror-mismatch" {
				t.Errorf("events: %s", b.kinds())
			}
			u.set(deb, newText)
			b.pass(defaultFresh)
			b.wants(t, deb, newText)
		})
	}
	t.Run("something else comes in its place", func(t *testing.T) {
		u, b := startSync(t)
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the new one"})
		u.set(deb, "<html>login") // 11 bytes, as both
		b.update(t)
		b.wants(t, deb, "<html>login") // to him who came first: his package manager compares
		b.wants(t, deb, "the old one")
		u.set(deb, "the new one")
		b.pass(defaultFresh)
		b.wants(t, deb, "the new one")
	})
	for _, status := range []int{http.StatusNotFound, http.StatusForbidden} { // object stores: 403
		t.Run(fmt.Sprintf("the package is gone for a moment: %d", status), func(t *testing.T) {
			u, b := startSync(t)
			u.publish(t, "", "", false, map[string]string{"a_1.deb": "the new one"})
			b.update(t)
			u.fault(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(status); return true })
			b.wants(t, deb, "the old one")
			asked := u.asked()
			b.wants(t, deb, "the old one")
			if got := b.get(t, "GET", "/mirror/m"+deb, "Cache-Control", "no-cache"); got.status == 200 || u.asked() != asked+1 {
				t.Errorf("who asks for what the upstream has: %d, after %d requests", got.status, u.asked()-asked)
			}
			u.fault(nil)
			b.pass(defaultFresh)
			b.wants(t, deb, "the new one")
		})
	}
}

// An upstream that doesn't answer, or whose package isn't what its index says, costs no
// client the package for longer than that lasts.
func TestSyncFails(t *testing.T) {
	const deb = syncedDeb
	t.Run("the upstream doesn't answer", func(t *testing.T) {
		u, b := startSync(t)
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the new one"})
		b.update(t)
		u.fault(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true })
		b.wants(t, deb, "the old one")
		u.fault(nil)
		b.wants(t, deb, "the new one")
	})
	t.Run("a package is other than its index from the first", func(t *testing.T) {
		u, b := startSync(t)
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one", "b_1.deb": "right"})
		b.update(t)
		u.set("/pool/b_1.deb", "wrong")
		b.wants(t, "/pool/b_1.deb", "wrong")
		u.set("/pool/b_1.deb", "right")
		b.wants(t, "/pool/b_1.deb", "right")
		asked := u.asked()
		b.wants(t, "/pool/b_1.deb", "right")
		if u.asked() != asked {
			t.Error("it isn't kept")
		}
	})
}

// The indexes and the release file that names them are served as they fit together.
func TestSyncOfIndexes(t *testing.T) {
	t.Run("the index comes before the release file", func(t *testing.T) {
		u, b := startSync(t)
		u.mu.Lock()
		release := u.files["/InRelease"]
		u.mu.Unlock()
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one", "b_1.deb": "b"})
		u.set("/InRelease", string(release))
		b.pass(defaultFresh)
		b.get(t, "GET", "/mirror/m/InRelease")
		b.get(t, "GET", "/mirror/m/Packages.gz") // another than the release file names
		b.waitIdle()
		// The upstream goes away: the stored files fit together.
		u.fault(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true })
		b.update(t)
		u.fault(nil)
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one", "b_1.deb": "b"})
		b.update(t)
	})
	t.Run("the release file comes within the moment in which an index counts as current", func(t *testing.T) {
		u, b := startSync(t)
		b.pass(defaultFresh)
		b.get(t, "GET", "/mirror/m/Packages.gz")
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one", "b_1.deb": "b"})
		b.pass(time.Second)
		r := b.get(t, "GET", "/mirror/m/InRelease")
		b.waitIdle()
		if got := b.get(t, "GET", "/mirror/m/Packages.gz"); !strings.Contains(r.body, sha([]byte(got.body))) {
			t.Error("the index isn't the one that the release file names")
		}
	})
}

// A signature belongs to what it signs: it isn't older.
func TestSignatureBesideItsRelease(t *testing.T) {
	u := newUpstream(t, map[string][]byte{"/Release": []byte("SHA256:\n 00 0 x\n"), "/Release.gpg": []byte("one")})
	b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}})
	b.get(t, "GET", "/mirror/m/Release")
	b.pass(defaultFresh - time.Second)
	b.get(t, "GET", "/mirror/m/Release.gpg")
	b.waitIdle()
	u.set("/Release", "SHA256:\n 11 1 x\n")
	u.set("/Release.gpg", "two")
	b.pass(2 * time.Second)
	b.get(t, "GET", "/mirror/m/Release")
	b.waitIdle()
	if got := b.get(t, "GET", "/mirror/m/Release.gpg"); got.body != "two" {
		t.Errorf("%q", got.body)
	}
}

// Two suites name one file differently, because one of them was not requested lately. The
// upstream decides which is right, regardless of the clocks.
func TestIndexesThatDiffer(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	c := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}})
	stable := aptClient{c, "/dists/stable/InRelease", "/dists/stable/main/binary-amd64/Packages.gz"}
	testing := aptClient{c, "/dists/testing/InRelease", "/dists/testing/main/binary-amd64/Packages.gz"}
	u.publish(t, "", "testing", false, map[string]string{"a_1.deb": "old"})
	u.publish(t, "", "stable", false, map[string]string{"a_1.deb": "old"})
	testing.update(t)
	stable.update(t)
	stable.wants(t, "/pool/a_1.deb", "old")
	u.publish(t, "", "stable", false, map[string]string{"a_1.deb": "new"}) // testing is no longer requested
	stable.update(t)
	c.pass(-24 * time.Hour) // somebody sets the machine's clock
	stable.wants(t, "/pool/a_1.deb", "new")
	asked := u.asked()
	stable.wants(t, "/pool/a_1.deb", "new")
	if u.asked() != asked {
		t.Error("everybody who comes asks about it")
	}
	u.fault(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true })
	c.pass(time.Minute)
	stable.wants(t, "/pool/a_1.deb", "new")
}

// The machine's clock was a day ahead, and is set back: indexes and packages that came
// before are not newer than those that come now.
func TestClockStepsBack(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	dir := t.TempDir()
	b := aptClient{newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}}), "/InRelease", "/Packages.gz"}
	u.publish(t, "", "", false, map[string]string{"a_1.deb": "old"})
	b.pass(24 * time.Hour)
	b.update(t)
	b.wants(t, "/pool/a_1.deb", "old")
	b.pass(-48 * time.Hour)
	u.publish(t, "", "", false, map[string]string{"a_1.deb": "new"})
	b.update(t)
	b.wants(t, "/pool/a_1.deb", "new")
	b.wants(t, "/pool/a_1.deb", "new")
	b.testCache = newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}})
	asked := u.asked()
	b.wants(t, "/pool/a_1.deb", "new")
	if u.asked() != asked {
		t.Error("it is asked about again")
	}
}

// A flat archive's names may be relative to a folder above its indexes.
func TestFlatArchiveBelow(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	b := aptClient{newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}}), "/a/b/InRelease", "/a/b/Packages.gz"}
	u.publish(t, "/a/b", "", false, map[string]string{"x_1.deb": "old"})
	u.set("/a/pool/x_1.deb", "old")
	b.update(t)
	b.wants(t, "/a/pool/x_1.deb", "old") // deb http://.../a b/
	u.publish(t, "/a/b", "", false, map[string]string{"x_1.deb": "newer"})
	u.set("/a/pool/x_1.deb", "newer")
	b.update(t)
	b.wants(t, "/a/pool/x_1.deb", "newer")
}
