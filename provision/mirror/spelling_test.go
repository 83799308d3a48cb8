package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// objectStore answers as S3 does: a plus in a path is a blank, %2B is a plus, and what it
// doesn't have is forbidden to look for.
func objectStore(u *upstream) {
	u.fault(func(w http.ResponseWriter, r *http.Request) bool {
		path, err := url.PathUnescape(strings.ReplaceAll(r.URL.EscapedPath(), "+", "%20"))
		u.mu.Lock()
		data, ok := u.files[path]
		u.mu.Unlock()
		if err != nil || !ok {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		w.Header().Set("ETag", etag(data))
		_, _ = w.Write(data)
		return true
	})
}

// uris are the requests' paths as they came.
func (u *upstream) uris() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []string
	for _, r := range u.requests {
		out = append(out, r.RequestURI)
	}
	return out
}

// The client's spelling goes upstream unchanged.
func TestPathsGoUpstreamAsWritten(t *testing.T) {
	for _, c := range []struct{ base, asked, want string }{
		{"/debian", "/pool/g%2b%2b_12%2Bdeb.deb", "/debian/pool/g%2b%2b_12%2Bdeb.deb"},
		{"/debian/", "/pool/g++_12.deb", "/debian/pool/g++_12.deb"},
		{"", "/%70ool/a%7Eb~c_1%3a2.deb", "/%70ool/a%7Eb~c_1%3a2.deb"},
		{"", "/a_1%253a2.deb", "/a_1%253a2.deb"},
		{"", "/a%20b%C3%A9%ff@!$&'()*,;=:%3f.deb", "/a%20b%C3%A9%ff@!$&'()*,;=:%3f.deb"},
		{"", "/projects/group%2Fname/a.deb", "/projects/group%2Fname/a.deb"},
		{"/api/v4/projects/group%2Fname/packages/debian", "/a.deb", "/api/v4/projects/group%2Fname/packages/debian/a.deb"},
		{"/a%2bb", "/c%2bd", "/a%2bb/c%2bd"},
		{"/debian", "//x/./y/../a%2b.deb", "/debian/x/a%2b.deb"},
		{"/debian", "/x/%2e%2E/../../a.deb", "/debian/a.deb"},
	} {
		u := newUpstream(t, nil)
		u.fault(func(w http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(w, "x"); return true })
		b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL + c.base}})
		got := b.get(t, "GET", "/mirror/m"+c.asked)
		if uris := u.uris(); got.status != 200 || len(uris) != 1 || uris[0] != c.want {
			t.Errorf("%s%s: %d, the upstream was asked for %q, want %q", c.base, c.asked, got.status, uris, c.want)
		}
		b.waitIdle()
		if again := b.get(t, "GET", "/mirror/m"+c.asked); again.body != "x" || u.asked() != 1 && immutable(c.want) {
			t.Errorf("%s: it isn't found again: %d %q after %d requests", c.asked, again.status, again.body, u.asked())
		}
		if b.kinds() != "" {
			t.Errorf("%s: events %s", c.asked, b.kinds())
		}
	}
}

// One file is one file in the cache, in any spelling.
func TestSpellingsOfOneFile(t *testing.T) {
	u := newUpstream(t, map[string][]byte{"/pool/g++_1~a.deb": []byte("plus"), "/pool/g  _1~a.deb": []byte("blanks"), "/x/y.deb": []byte("deep")})
	objectStore(u)
	b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}})
	for i, spelling := range []string{"g%2b%2b_1~a.deb", "g%2B%2B_1%7ea.deb", "g++_1~a.deb", "%67++_1%7Ea.deb", "./g+%2b_1~a.deb"} {
		if got := b.get(t, "GET", "/mirror/m/pool/"+spelling); got.body != "plus" {
			t.Errorf("%s: %d %q", spelling, got.status, got.body)
		}
		b.waitIdle()
		if u.asked() != 1 {
			t.Errorf("%d: asked for %v", i, u.uris())
		}
	}
	if got := b.get(t, "GET", "/mirror/%6d/pool/g++_1~a.deb"); got.body != "plus" {
		t.Errorf("the upstream's name in another spelling: %d %q", got.status, got.body)
	}
	if got := b.get(t, "GET", "/mirror/m/pool/g%20%20_1~a.deb"); got.body != "blanks" {
		t.Errorf("blanks are another name: %d %q", got.status, got.body)
	}
	if got := b.get(t, "GET", "/mirror/m/x%2fy.deb"); got.body != "deep" {
		t.Errorf("an encoded slash: %d %q", got.status, got.body)
	}
	b.waitIdle()
	asked := u.asked() // an encoded slash is not a slash: RFC 3986 section 2.2
	if got := b.get(t, "GET", "/mirror/m/x/y.deb"); got.body != "deep" || u.asked() != asked+1 {
		t.Errorf("a slash: %d %q, asked again: %v", got.status, got.body, u.asked() > asked)
	}
}

// An object store doesn't understand a plus that a client doesn't encode (curl, an
// installer's command line). It is asked once more. Resuming uses the right spelling.
func TestPlainPlusAtAnObjectStore(t *testing.T) {
	data := strings.Repeat("0123456789", 50_000)
	u := newUpstream(t, map[string][]byte{"/g++.deb": []byte(data)})
	u.fault(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.RequestURI, "+") || strings.Contains(r.RequestURI, "nothing") {
			http.NotFound(w, r)
			return true
		}
		return cut(data, 1000)(w, r)
	})
	b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}})
	got := b.get(t, "GET", "/mirror/m/g++.deb")
	if want := "/g++.deb /g%2B%2B.deb /g%2B%2B.deb"; got.body != data || strings.Join(u.uris(), " ") != want {
		t.Errorf("%d, %d bytes, %v; asked for %v, want %s", got.status, len(got.body), got.err, u.uris(), want)
	}
	if got := b.get(t, "GET", "/mirror/m/nothing++"); got.status != 404 {
		t.Errorf("what isn't there: %d", got.status)
	}
}

// A redirect is followed as the upstream wrote it.
func TestRedirectsAsWritten(t *testing.T) {
	var asked string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		_, _ = io.WriteString(w, "x")
	}))
	defer store.Close()
	for _, to := range []string{store.URL + "/b%2Fc/g%2b%2B+~%7e.deb?X-Sig=a%2Bb%2f&c=+", "/here/g%2b%2B+.deb?d"} {
		u := newUpstream(t, nil)
		u.fault(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/here/") {
				asked = r.RequestURI
				_, _ = io.WriteString(w, "x")
				return true
			}
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
			return true
		})
		b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}, Redirects: []string{strings.TrimPrefix(store.URL, "http://")}})
		if got := b.get(t, "GET", "/mirror/m/g%2b%2b.deb"); got.status != 200 || asked != strings.TrimPrefix(to, store.URL) {
			t.Errorf("%d; asked for %q, want %q", got.status, asked, to)
		}
	}
}

// By a proxy, the path's bytes are the same.
func TestProxiesAsWritten(t *testing.T) {
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		_, _ = io.WriteString(w, "x")
	}))
	defer proxy.Close()
	b := newTestCache(t, Options{Upstreams: map[string]string{"m": "http://mirror.invalid/a%2Fb"}, Via: proxy.URL})
	if got := b.get(t, "GET", "/mirror/m/g%2b%2B+~%7e.deb"); got.status != 200 || asked != "http://mirror.invalid/a%2Fb/g%2b%2B+~%7e.deb" {
		t.Errorf("%d %q", got.status, asked)
	}
}

// Spellings that could lead an upstream out of its folder never reach it.
func TestHostileSpellings(t *testing.T) {
	u := newUpstream(t, nil)
	b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL + "/debian"}})
	for _, path := range []string{
		"%2e%2e%2fetc/passwd", "a/..%2f..%2fetc", "a/..%5c..%5cetc", "%252e%252e%252fetc", "a/..;/etc", "a%00b", "a%0d%0aX: y", "%2fetc", "a%2f%2fb", "a%5cb",
		strings.Repeat("a/", 2000) + "b",
	} {
		if got := b.get(t, "GET", "/mirror/m/"+path); got.status != 400 {
			t.Errorf("%.40s: %d %q", path, got.status, got.body)
		}
	}
	if u.asked() != 0 {
		t.Errorf("the upstream was asked for %q", u.uris())
	}
	for _, path := range []string{"%2e%2e/%2e%2e/etc/passwd", "../../etc/passwd", "..a/...;b", "%25%32%65"} {
		b.get(t, "GET", "/mirror/m/"+path)
	}
	for _, uri := range u.uris() {
		if !strings.HasPrefix(uri, "/debian/") || strings.Contains(uri, "/../") {
			t.Errorf("the upstream was asked for %q", uri)
		}
	}
}

// A cache of before: files under their decoded paths, without sums. They are found under
// every spelling, and listed.
func TestOlderCacheIsFound(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"/pool/g++_1.deb", "/pool/a_1%3a2.deb", "/pool/a b.deb"} {
		sum := sha256.Sum256([]byte("m\x00" + path))
		name := hex.EncodeToString(sum[:])
		m := map[string]any{"upstream": "m", "path": path, "size": 3, "stored": fileTime}
		tail, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		data := append([]byte("old"), tail...)
		data = append(data, 0, 0, 0, 0, 0, 0, 0, byte(len(tail)))
		if err := os.MkdirAll(filepath.Join(dir, "files", name[:2]), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "files", name[:2], name), append(data, storeMagic...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"m": "http://127.0.0.1:1"}, Offline: true})
	for _, path := range []string{"/pool/g++_1.deb", "/pool/g%2b%2B_1.deb", "/pool/a_1%253a2.deb", "/pool/a%20b.deb"} {
		if got := b.get(t, "GET", "/mirror/m"+path); got.status != 200 || got.body != "old" {
			t.Errorf("%s: %d %q", path, got.status, got.body)
		}
	}
	var paths []string
	files, err := b.List(t.Context(), "")
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	if want := "m/pool/a%20b.deb m/pool/a_1%253a2.deb m/pool/g%2B%2B_1.deb"; strings.Join(paths, " ") != want || err != nil {
		t.Errorf("%v, %v; want %s", paths, err, want)
	}
	if b.kinds() != "" {
		t.Errorf("events: %s", b.kinds())
	}
}

// Files fetched ahead are requested as apt and dnf do, so both find them.
func TestPrefetchOfPluses(t *testing.T) {
	u := newUpstream(t, archive(t, map[string]string{"g++": "", "a%3a1": ""}))
	objectStore(u)
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
	got, err := b.Prefetch(t.Context(), PrefetchRequest{
		Archives: []Archive{{Upstream: "debian", Suite: "stable", Components: []string{"main"}}}, Arch: "amd64", Packages: []string{"g++", "a%3a1"},
	})
	if err != nil || got.Fetched != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	asked := u.asked()
	for _, path := range []string{"g%2b%2b_1_amd64.deb", "a%253a1_1_amd64.deb"} {
		if got := b.get(t, "GET", "/mirror/debian/pool/"+path); got.status != 200 || u.asked() != asked {
			t.Errorf("%s: %d, asked again: %v", path, got.status, u.asked() > asked)
		}
	}

	const primary = `<metadata><package type="rpm"><name>g++</name><arch>x86_64</arch><version epoch="0" ver="5" rel="1"/><location href="Packages/g++^1.rpm"/><format/></package></metadata>`
	v := newUpstream(t, map[string][]byte{
		"/9+/repodata/repomd.xml": []byte(`<repomd><data type="primary"><location href="repodata/p.xml.gz"/></data></repomd>`),
		"/9+/repodata/p.xml.gz":   gzipped(t, primary),
		"/9+/Packages/g++^1.rpm":  []byte("rpm"),
	})
	objectStore(v)
	r := newTestCache(t, Options{Upstreams: map[string]string{"rocky": v.URL}})
	got, err = r.PrefetchTree(t.Context(), TreeRequest{Upstream: "rocky", Tree: "9+", Repositories: []string{""}, Arch: "x86_64", Packages: []string{"g++"}})
	if err != nil || got.Fetched != 3 {
		t.Fatalf("%+v, %v; asked for %v", got, err, v.uris())
	}
	asked = v.asked()
	// The tree's plus comes from a kernel's command line, those of the package from dnf.
	if got := r.get(t, "GET", "/mirror/rocky/9+/Packages/g%2b%2b%5e1.rpm"); got.body != "rpm" || v.asked() != asked {
		t.Errorf("%d %q, asked again: %v", got.status, got.body, v.asked() > asked)
	}
}

// One flight for all spellings, and no client waits for it after the cache has ended.
func TestSpellingsShareAFlight(t *testing.T) {
	u := newUpstream(t, nil)
	goOn := make(chan struct{})
	u.fault(func(w http.ResponseWriter, _ *http.Request) bool {
		<-goOn
		_, _ = io.WriteString(w, "x")
		return true
	})
	b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}})
	answers := make(chan answer, 2)
	for _, spelling := range []string{"g%2b%2b.deb", "g++.deb"} {
		go func() { answers <- b.get(t, "GET", "/mirror/m/"+spelling) }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for users := 0; users < 3 && ctx.Err() == nil; { // both clients, and the flight itself
		b.Cache.mu.Lock()
		for _, f := range b.flights {
			f.mu.Lock()
			users = f.users
			f.mu.Unlock()
		}
		b.Cache.mu.Unlock()
	}
	close(goOn)
	for range 2 {
		if a := <-answers; a.body != "x" || a.err != nil {
			t.Errorf("%d %q %v", a.status, a.body, a.err)
		}
	}
	if u.asked() != 1 {
		t.Errorf("asked for %v", u.uris())
	}
}
