package mirror

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision"
)

func sha(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// publish makes an apt archive's indexes anew from the packages in its pool, at once. The
// suite is "" for a flat archive. Its own folder is base.
func (u *upstream) publish(t *testing.T, base, suite string, byHash bool, debs map[string]string) {
	t.Helper()
	var index bytes.Buffer
	dir, inner := base+"/", "Packages"
	if suite != "" {
		dir, inner = base+"/dists/"+suite+"/", "main/binary-amd64/Packages"
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(debs)) {
		data := []byte(debs[name])
		u.files[base+"/pool/"+name] = data
		fmt.Fprintf(&index, "Package: %s\nVersion: 1\nFilename: pool/%s\nSize: %d\nSHA256: %s\n\n", strings.SplitN(name, "_", 2)[0], name, len(data), sha(data))
	}
	packed := gzipped(t, index.String())
	u.files[dir+inner+".gz"] = packed
	// apt-ftparchive names the release file of before, if there is one.
	before := u.files[dir+"InRelease"]
	release := fmt.Sprintf("SHA256:\n %s %d InRelease\n", sha(before), len(before)) + fmt.Sprintf(" %s %d %s\n %s %d %s\n", sha(index.Bytes()), index.Len(), inner, sha(packed), len(packed), inner+".gz")
	if byHash {
		u.files[dir+path.Dir(inner)+"/by-hash/SHA256/"+sha(packed)] = packed
		release = "Acquire-By-Hash: yes\n" + release
	}
	u.files[dir+"InRelease"] = []byte(release)
}

// A box asks for the indexes of an archive, as `apt-get update` does.
type box struct {
	*bench
	release, index string // URLs' paths below the upstream; index "" for by-hash
}

func (b box) update(t *testing.T) {
	t.Helper()
	b.pass(defaultFresh)
	r := b.get(t, "GET", "/mirror/m"+b.release)
	if r.status != 200 {
		t.Fatalf("%s: %d %s", b.release, r.status, r.body)
	}
	index := b.index
	if index == "" {
		for _, line := range strings.Split(r.body, "\n") {
			if f := strings.Fields(line); len(f) == 3 && strings.HasSuffix(f[2], "Packages.gz") {
				index = path.Dir(b.release) + "/" + path.Dir(f[2]) + "/by-hash/SHA256/" + f[0]
			}
		}
	}
	got := b.get(t, "GET", "/mirror/m"+index)
	if got.status != 200 || !strings.Contains(r.body, sha([]byte(got.body))) {
		t.Fatalf("%s is %d, and not what %s names", index, got.status, b.release)
	}
	b.settled()
	b.pass(time.Second)
}

func (b box) wants(t *testing.T, deb, body string) {
	t.Helper()
	got := b.get(t, "GET", "/mirror/m"+deb)
	b.settled()
	if got.status != 200 || got.body != body {
		t.Fatalf("%s: %d %q, want %q", deb, got.status, got.body, body)
	}
}

// Issue 10, 8: a box gets the file that the index of the moment names.
func TestPublishedAnew(t *testing.T) {
	for _, c := range []struct {
		name, base, suite string
		byHash            bool
		box               box
	}{
		{"flat", "/debian", "", false, box{nil, "/debian/InRelease", "/debian/Packages.gz"}},
		{"a flat one at the top", "", "", false, box{nil, "/InRelease", "/Packages.gz"}},
		{"a suite", "", "stable", false, box{nil, "/dists/stable/InRelease", "/dists/stable/main/binary-amd64/Packages.gz"}},
		{"a suite with a slash, by hash", "/debian", "stable/updates", true, box{nil, "/debian/dists/stable/updates/InRelease", ""}},
	} {
		for _, change := range []struct{ name, old, anew string }{
			{"another size", "old", "newer"},
			{"the same size", "old", "new"},
		} {
			t.Run(c.name+", "+change.name, func(t *testing.T) {
				u := newUpstream(t, map[string][]byte{})
				dir := t.TempDir()
				b := c.box
				b.bench = newBench(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}})
				same := c.base + "/pool/same+x_2.0_all.deb"
				u.publish(t, c.base, c.suite, c.byHash, map[string]string{"same+x_2.0_all.deb": change.old, "other_1_all.deb": "other"})
				b.update(t)
				b.wants(t, same, change.old)
				b.wants(t, c.base+"/pool/other_1_all.deb", "other")

				u.publish(t, c.base, c.suite, c.byHash, map[string]string{"same+x_2.0_all.deb": change.anew, "other_1_all.deb": "other"})
				b.wants(t, same, change.old) // the index at hand still says so
				b.update(t)
				asked := u.asked()
				b.wants(t, c.base+"/pool/other_1_all.deb", "other")
				if u.asked() != asked {
					t.Error("a package that is as it was is asked about again")
				}
				b.wants(t, same, change.anew)
				b.wants(t, same, change.anew)
				if u.asked() != asked+1 {
					t.Errorf("the new one was asked for %d times, want once", u.asked()-asked)
				}
				if b.kinds() != "mirror-replaced" {
					t.Errorf("events: %s", b.kinds())
				}
				// And once more, over a restart.
				u.publish(t, c.base, c.suite, c.byHash, map[string]string{"same+x_2.0_all.deb": "the third one", "other_1_all.deb": "other"})
				b.update(t)
				b.bench = newBench(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}})
				b.wants(t, same, "the third one")
			})
		}
	}
}

// Issue 10, 8: the same for rpm, whose index is primary.xml by repomd.xml.
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
			b := newBench(t, Options{Upstreams: map[string]string{"m": u.URL}})
			makecache := func(index string) {
				b.pass(defaultFresh)
				for _, p := range []string{"repodata/repomd.xml", index} {
					if got := b.get(t, "GET", "/mirror/m/os/"+p); got.status != 200 {
						t.Fatalf("%s: %d", p, got.status)
					}
					b.settled()
				}
			}
			wants := func(body string) {
				t.Helper()
				for range 2 {
					if got := b.get(t, "GET", "/mirror/m/os/Packages/same%2b%2b.rpm"); got.body != body {
						t.Errorf("%d %q, want %q", got.status, got.body, body)
					}
					b.settled()
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

// A mirror in the middle of its sync: nothing good is thrown away for something bad.
func TestSyncInProgress(t *testing.T) {
	start := func(t *testing.T) (*upstream, box) {
		u := newUpstream(t, map[string][]byte{})
		b := box{newBench(t, Options{Upstreams: map[string]string{"m": u.URL}}), "/InRelease", "/Packages.gz"}
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one"})
		b.update(t)
		b.wants(t, "/pool/a_1.deb", "the old one")
		return u, b
	}
	const deb = "/pool/a_1.deb"
	for _, anew := range []string{"the new one, longer", "the new one"} {
		t.Run("the index comes before the package: "+anew, func(t *testing.T) {
			u, b := start(t)
			u.publish(t, "", "", false, map[string]string{"a_1.deb": anew})
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
			u.set(deb, anew)
			b.pass(defaultFresh)
			b.wants(t, deb, anew)
		})
	}
	t.Run("something else comes in its place", func(t *testing.T) {
		u, b := start(t)
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
			u, b := start(t)
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
	t.Run("the upstream doesn't answer", func(t *testing.T) {
		u, b := start(t)
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the new one"})
		b.update(t)
		u.fault(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true })
		b.wants(t, deb, "the old one")
		u.fault(nil)
		b.wants(t, deb, "the new one")
	})
	t.Run("a package is other than its index from the first", func(t *testing.T) {
		u, b := start(t)
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
	t.Run("the index comes before the release file", func(t *testing.T) {
		u, b := start(t)
		u.mu.Lock()
		release := u.files["/InRelease"]
		u.mu.Unlock()
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one", "b_1.deb": "b"})
		u.set("/InRelease", string(release))
		b.pass(defaultFresh)
		b.get(t, "GET", "/mirror/m/InRelease")
		b.get(t, "GET", "/mirror/m/Packages.gz") // another than the release file names
		b.settled()
		// The upstream goes away: what is kept fits together.
		u.fault(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true })
		b.update(t)
		u.fault(nil)
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one", "b_1.deb": "b"})
		b.update(t)
	})
	t.Run("the release file comes within the moment in which an index counts as current", func(t *testing.T) {
		u, b := start(t)
		b.pass(defaultFresh)
		b.get(t, "GET", "/mirror/m/Packages.gz")
		u.publish(t, "", "", false, map[string]string{"a_1.deb": "the old one", "b_1.deb": "b"})
		b.pass(time.Second)
		r := b.get(t, "GET", "/mirror/m/InRelease")
		b.settled()
		if got := b.get(t, "GET", "/mirror/m/Packages.gz"); !strings.Contains(r.body, sha([]byte(got.body))) {
			t.Error("the index isn't the one that the release file names")
		}
	})
}

// A signature belongs to what it signs: it isn't older.
func TestSignatureBesideItsRelease(t *testing.T) {
	u := newUpstream(t, map[string][]byte{"/Release": []byte("SHA256:\n 00 0 x\n"), "/Release.gpg": []byte("one")})
	b := newBench(t, Options{Upstreams: map[string]string{"m": u.URL}})
	b.get(t, "GET", "/mirror/m/Release")
	b.pass(defaultFresh - time.Second)
	b.get(t, "GET", "/mirror/m/Release.gpg")
	b.settled()
	u.set("/Release", "SHA256:\n 11 1 x\n")
	u.set("/Release.gpg", "two")
	b.pass(2 * time.Second)
	b.get(t, "GET", "/mirror/m/Release")
	b.settled()
	if got := b.get(t, "GET", "/mirror/m/Release.gpg"); got.body != "two" {
		t.Errorf("%q", got.body)
	}
}

// Two suites name one file differently, since nobody has asked for one of them of late:
// the upstream says which is right, whatever the clocks say.
func TestIndexesThatDiffer(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	c := newBench(t, Options{Upstreams: map[string]string{"m": u.URL}})
	stable := box{c, "/dists/stable/InRelease", "/dists/stable/main/binary-amd64/Packages.gz"}
	testing := box{c, "/dists/testing/InRelease", "/dists/testing/main/binary-amd64/Packages.gz"}
	u.publish(t, "", "testing", false, map[string]string{"a_1.deb": "old"})
	u.publish(t, "", "stable", false, map[string]string{"a_1.deb": "old"})
	testing.update(t)
	stable.update(t)
	stable.wants(t, "/pool/a_1.deb", "old")
	u.publish(t, "", "stable", false, map[string]string{"a_1.deb": "new"}) // nobody asks for testing any more
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
// before are no newer than those that come now.
func TestClockStepsBack(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	dir := t.TempDir()
	b := box{newBench(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}}), "/InRelease", "/Packages.gz"}
	u.publish(t, "", "", false, map[string]string{"a_1.deb": "old"})
	b.pass(24 * time.Hour)
	b.update(t)
	b.wants(t, "/pool/a_1.deb", "old")
	b.pass(-48 * time.Hour)
	u.publish(t, "", "", false, map[string]string{"a_1.deb": "new"})
	b.update(t)
	b.wants(t, "/pool/a_1.deb", "new")
	b.wants(t, "/pool/a_1.deb", "new")
	b.bench = newBench(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}})
	asked := u.asked()
	b.wants(t, "/pool/a_1.deb", "new")
	if u.asked() != asked {
		t.Error("it is asked about again")
	}
}

// A flat archive's names may be relative to a folder above its indexes.
func TestFlatArchiveBelow(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	b := box{newBench(t, Options{Upstreams: map[string]string{"m": u.URL}}), "/a/b/InRelease", "/a/b/Packages.gz"}
	u.publish(t, "/a/b", "", false, map[string]string{"x_1.deb": "old"})
	u.set("/a/pool/x_1.deb", "old")
	b.update(t)
	b.wants(t, "/a/pool/x_1.deb", "old") // deb http://.../a b/
	u.publish(t, "/a/b", "", false, map[string]string{"x_1.deb": "newer"})
	u.set("/a/pool/x_1.deb", "newer")
	b.update(t)
	b.wants(t, "/a/pool/x_1.deb", "newer")
}

// Many ask for the replaced file at once: it is fetched once, and all get the new one.
func TestManyAskForTheReplaced(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	b := box{newBench(t, Options{Upstreams: map[string]string{"m": u.URL}}), "/InRelease", "/Packages.gz"}
	u.publish(t, "", "", false, map[string]string{"a_1.deb": "old"})
	b.update(t)
	b.wants(t, "/pool/a_1.deb", "old")
	anew := strings.Repeat("new", 200_000)
	u.publish(t, "", "", false, map[string]string{"a_1.deb": anew})
	b.update(t)
	asked := u.asked()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := b.get(t, "GET", "/mirror/m/pool/a_1.deb"); got.body != anew || got.err != nil {
				t.Errorf("%d, %d bytes, %v", got.status, len(got.body), got.err)
			}
		})
	}
	all.Wait()
	b.settled()
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
	b := newBench(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}})
	w := Wish{Archives: []Archive{{"m", "stable", []string{"main"}}}, Arch: "amd64", Packages: []string{"a"}}
	if got, err := b.Prefetch(t.Context(), w); err != nil || got.Fetched != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	u.publish(t, "", "stable", true, map[string]string{"a_1.deb": "newer"})
	b.pass(defaultFresh)
	if got, err := b.Prefetch(t.Context(), w); err != nil || got.Fetched != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	off := newBench(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}, Offline: true})
	if got := off.get(t, "GET", "/mirror/m/pool/a_1.deb"); got.body != "newer" {
		t.Errorf("%q", got.body)
	}
	if _, err := off.Prefetch(t.Context(), w); err != nil {
		t.Error(err)
	}
	// A box has brought a newer index into the cache, and not the package; then offline.
	u.publish(t, "", "stable", true, map[string]string{"a_1.deb": "the third one"})
	box{b, "/dists/stable/InRelease", ""}.update(t)
	off = newBench(t, Options{Dir: dir, Upstreams: map[string]string{"m": u.URL}, Offline: true})
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

func TestForget(t *testing.T) {
	u := newUpstream(t, map[string][]byte{"/pool/g++.deb": []byte("old"), "/pool/b.deb": []byte("b"), "/c.deb": []byte("c")})
	o := Options{Upstreams: map[string]string{"m": u.URL, "n": u.URL}}
	b := newBench(t, o)
	fill := func() {
		for _, p := range []string{"m/pool/g++.deb", "m/pool/b.deb", "m/c.deb", "n/c.deb"} {
			b.get(t, "GET", "/mirror/"+p)
		}
		b.settled()
	}
	fill()
	files, err := b.List(t.Context(), "m/pool/")
	if err != nil || len(files) != 2 || files[1].Path != "m/pool/g%2B%2B.deb" || files[1].Size != 3 || files[1].SHA256 != sha([]byte("old")) {
		t.Errorf("%+v, %v", files, err)
	}
	u.set("/pool/g++.deb", "new")
	for _, c := range []struct {
		at    string
		files int
		err   string
	}{
		{"m/pool/g%2b%2B.deb", 1, ""},
		{"m/pool/g++.deb", 1, ""},
		{"/mirror/m/pool/g++.deb", 1, ""},
		{b.front.URL + "/mirror/m/pool/g%2b%2b.deb", 1, ""},
		{"m/pool/", 2, ""},
		{"m/", 3, ""},
		{"m/nothing", 0, "keeps nothing there"},
		{"m/pool", 0, "keeps nothing there"},
		{"m", 0, "write m/ for all of it"},
		{"x/a", 0, "there are m, n"},
		{"", 0, "forget what"},
		{"http://there/a", 0, "isn't below /mirror/"},
		{"m/a%", 0, "hexadecimal"},
		{"m/..%2fa", 0, "way up"},
	} {
		fill()
		got, err := b.Forget(c.at)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.at, err, c.err)
			}
			continue
		}
		if err != nil || got.Files != c.files {
			t.Errorf("%s: %+v, %v; want %d", c.at, got, err, c.files)
		}
	}
	if _, err := b.Forget("m/nothing"); !errors.Is(err, provision.ErrNotKept) {
		t.Error(err)
	}
	if got := b.get(t, "GET", "/mirror/m/pool/g++.deb"); got.body != "new" {
		t.Errorf("%q", got.body)
	}
	if files, err := b.List(t.Context(), "n/"); err != nil || len(files) != 1 {
		t.Errorf("another upstream: %+v, %v", files, err)
	}
}

// A download that is forgotten ends for who reads it, isn't kept, and who comes now gets
// another one.
func TestForgetWhileItComes(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	var mu sync.Mutex
	goOn := map[string]chan struct{}{"old": make(chan struct{}), "new": make(chan struct{})}
	now := "old"
	u.fault(func(w http.ResponseWriter, _ *http.Request) bool {
		mu.Lock()
		text := now
		mu.Unlock()
		w.Header().Set("Content-Length", strconv.Itoa(3*100_000+3))
		_, _ = io.WriteString(w, strings.Repeat(text, 100_000)) // more than lies in buffers on the way
		w.(http.Flusher).Flush()
		<-goOn[text]
		_, _ = io.WriteString(w, "end")
		return true
	})
	b := newBench(t, Options{Upstreams: map[string]string{"m": u.URL}})
	ask := func() (*http.Response, string) {
		resp, err := http.Get(b.front.URL + "/mirror/m/a.deb")
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 3)
		if _, err := io.ReadFull(resp.Body, first); err != nil {
			t.Fatal(err)
		}
		return resp, string(first)
	}
	rest := func(resp *http.Response) string {
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return string(text[len(text)-3:])
	}
	one, first := ask()
	if got, err := b.Forget("m/a.deb"); err != nil || got.UnderWay != 1 || got.Files != 0 || first != "old" {
		t.Fatalf("%q, %+v, %v", first, got, err)
	}
	mu.Lock()
	now = "new"
	mu.Unlock()
	two, second := ask()
	close(goOn["new"])
	if second != "new" || rest(two) != "end" {
		t.Errorf("who comes after gets %q", second)
	}
	b.settled()
	close(goOn["old"])
	if got := rest(one); got != "end" {
		t.Errorf("who read it gets %q", got)
	}
	b.running.Wait()
	if got := b.get(t, "GET", "/mirror/m/a.deb"); !strings.HasPrefix(got.body, "newnew") || !strings.HasSuffix(got.body, "end") || u.asked() != 2 {
		t.Errorf("%.9q is kept", got.body)
	}
	if _, partial := b.stored(t); len(partial) != 0 || b.kinds() != "" {
		t.Errorf("left: %v, events %s", partial, b.kinds())
	}
}
