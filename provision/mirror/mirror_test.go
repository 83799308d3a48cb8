package mirror

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestServes(t *testing.T) {
	deb := strings.Repeat("package ", 100_000)
	u := newUpstream(t, map[string][]byte{
		"/debian/pool/a_1.0+b~c_all.deb": []byte(deb),
		"/debian/dists/InRelease":        []byte("one"),
	})
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL + "/debian/"}})
	const path = "/mirror/debian/pool/a_1.0+b~c_all.deb"
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
		body               string
	}{
		{"first fetch", "GET", path, nil, 200, deb},
		{"from the cache", "GET", path, nil, 200, deb},
		{"head", "HEAD", path, nil, 200, ""},
		{"range", "GET", path, []string{"Range", "bytes=8-14"}, 206, "package"},
		{"double slashes and dots, without a redirect", "GET", "/mirror/debian//pool/./x/../a_1.0+b~c_all.deb", nil, 200, deb},
		{"not there", "GET", "/mirror/debian/nothing", nil, 404, "the upstream has no such file\n"},
		{"no listing", "GET", "/mirror/debian/pool/", nil, 404, "the mirror has no such file; it serves /mirror/NAME/... for: debian\n"},
		{"above the top", "GET", "/mirror/debian/../../../etc/passwd", nil, 404, "the upstream has no such file\n"},
		{"not one of ours", "GET", "/mirror/ubuntu/pool/a.deb", nil, 404, "the mirror has no such file; it serves /mirror/NAME/... for: debian\n"},
		{"another method", "POST", path, nil, 405, "the mirror answers GET and HEAD\n"},
		{"condition", "GET", path, []string{"If-None-Match", etag([]byte(deb))}, 304, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := b.get(t, c.method, c.path, c.headers...)
			if got.status != c.status || got.body != c.body || got.err != nil {
				t.Fatalf("%d %.80q %v, want %d %.80q", got.status, got.body, got.err, c.status, c.body)
			}
			if c.status == 200 && (got.header.Get("Content-Length") != strconv.Itoa(len(deb)) || got.header.Get("ETag") != etag([]byte(deb)) || got.header.Get("Last-Modified") != fileTime.Format(http.TimeFormat)) {
				t.Errorf("the upstream's headers didn't come along: %v", got.header)
			}
		})
	}
	fetches := 0
	u.mu.Lock()
	for _, r := range u.requests {
		if strings.HasSuffix(r.URL.Path, ".deb") {
			fetches++
		}
		if r.URL.Path == "/etc/passwd" {
			t.Error("it left the upstream's base path")
		}
	}
	u.mu.Unlock()
	if fetches != 1 {
		t.Errorf("the package was asked for %d times, want once", fetches)
	}
}

func TestIndexesStayCurrent(t *testing.T) {
	u := newUpstream(t, map[string][]byte{"/dists/InRelease": []byte("one")})
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
	want := func(body string, asked int) {
		t.Helper()
		if got := b.get(t, "GET", "/mirror/debian/dists/InRelease"); got.status != 200 || got.body != body {
			t.Fatalf("%d %q, want %q", got.status, got.body, body)
		}
		b.waitIdle()
		if got := u.asked(); got != asked {
			t.Fatalf("the upstream was asked %d times, want %d", got, asked)
		}
	}
	want("one", 1)
	want("one", 1) // within the few seconds
	b.pass(10 * time.Second)
	want("one", 2) // 304
	u.mu.Lock()
	if h := u.requests[1].Header; h.Get("If-None-Match") == "" || h.Get("If-Modified-Since") == "" {
		t.Errorf("it asked without a condition: %v", h)
	}
	u.mu.Unlock()
	want("one", 2) // the 304 counts as fresh again
	b.pass(10 * time.Second)
	u.set("/dists/InRelease", "another")
	want("another", 3)
	u.mu.Lock()
	delete(u.files, "/dists/InRelease")
	u.mu.Unlock()
	b.pass(10 * time.Second)
	if got := b.get(t, "GET", "/mirror/debian/dists/InRelease"); got.status != 404 {
		t.Errorf("what the upstream has removed is still served: %d", got.status)
	}
}

func TestStaleWhenUnreachable(t *testing.T) {
	u := newUpstream(t, map[string][]byte{"/InRelease": []byte("one"), "/a.deb": []byte("a")})
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
	b.get(t, "GET", "/mirror/debian/InRelease")
	b.get(t, "GET", "/mirror/debian/a.deb")
	b.waitIdle()
	for _, c := range []struct {
		name  string
		fault func(http.ResponseWriter, *http.Request) bool
	}{
		{"server error", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(502); return true }},
		{"too many requests", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(429); return true }},
		{"broken connection", func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			u.fault(c.fault)
			b.pass(10 * time.Second)
			got := b.get(t, "GET", "/mirror/debian/InRelease")
			if got.status != 200 || got.body != "one" || !strings.HasPrefix(got.header.Get("Warning"), "110 ") {
				t.Errorf("%d %q Warning %q, want the old copy with a warning", got.status, got.body, got.header.Get("Warning"))
			}
			if got := b.get(t, "GET", "/mirror/debian/a.deb"); got.status != 200 || got.header.Get("Warning") != "" {
				t.Errorf("a package: %d, Warning %q", got.status, got.header.Get("Warning"))
			}
			got = b.get(t, "GET", "/mirror/debian/Packages")
			if got.status != 503 || got.header.Get("Retry-After") == "" {
				t.Errorf("without a copy: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
			}
		})
	}
	if got, want := b.kinds(), "mirror-stale mirror-unavailable"; got != want {
		t.Errorf("within a minute it recorded %q, want %q", got, want)
	}
	b.pass(time.Hour)
	b.get(t, "GET", "/mirror/debian/InRelease")
	if got, want := b.kinds(), "mirror-stale mirror-unavailable mirror-stale"; got != want {
		t.Errorf("an hour later it has recorded %q, want %q", got, want)
	}
}

// Many clients, one fetch; they get the first bytes while the last aren't there.
func TestOneFetchForMany(t *testing.T) {
	half := strings.Repeat("x", 300_000)
	u := newUpstream(t, map[string][]byte{})
	goOn := make(chan struct{})
	u.fault(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", strconv.Itoa(2*len(half)))
		_, _ = io.WriteString(w, half)
		w.(http.Flusher).Flush()
		<-goOn
		_, _ = io.WriteString(w, half)
		return true
	})
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
	var began, all sync.WaitGroup
	for i := range 10 {
		began.Add(1)
		all.Go(func() {
			req, err := http.NewRequest("GET", b.front.URL+"/mirror/debian/big.deb", nil)
			if err != nil {
				t.Error(err)
				began.Done()
				return
			}
			want := 2 * len(half)
			if i%2 == 1 { // a client that has some of it already
				req.Header.Set("Range", "bytes=1000-")
				want -= 1000
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				began.Done()
				return
			}
			defer resp.Body.Close()
			first := make([]byte, 200_000)
			_, err = io.ReadFull(resp.Body, first)
			began.Done()
			rest, err2 := io.ReadAll(resp.Body)
			if err != nil || err2 != nil || len(first)+len(rest) != want {
				t.Errorf("client %d: %d bytes, %v %v; want %d", i, len(first)+len(rest), err, err2, want)
			}
		})
	}
	began.Wait() // all have read from the growing file
	close(goOn)
	all.Wait()
	if n := u.asked(); n != 1 {
		t.Errorf("the upstream was asked %d times, want once", n)
	}
}

func TestPrunes(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	for _, n := range []string{"a", "b", "c", "d"} {
		u.set("/"+n+".deb", strings.Repeat(n, 10_000))
	}
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}, MaxBytes: 35_000})
	for i, n := range []string{"a", "b", "c"} {
		b.get(t, "GET", "/mirror/debian/"+n+".deb")
		b.waitIdle()
		when := fileTime.Add(time.Duration(i-100) * time.Hour)
		if err := os.Chtimes(b.file("debian", "/"+n+".deb"), when, when); err != nil {
			t.Fatal(err)
		}
	}
	b.get(t, "GET", "/mirror/debian/a.deb") // in use again: b is now the oldest
	b.get(t, "GET", "/mirror/debian/d.deb")
	b.waitIdle()
	for n, want := range map[string]bool{"a": true, "b": false, "d": true} {
		if _, err := os.Stat(b.file("debian", "/"+n+".deb")); (err == nil) != want {
			t.Errorf("%s.deb kept: %v, want %v", n, err == nil, want)
		}
	}
	u.set("/huge.deb", strings.Repeat("x", 40_000))
	if got := b.get(t, "GET", "/mirror/debian/huge.deb"); got.status != 503 {
		t.Errorf("a file larger than the cache: %d", got.status)
	}
}

// Via a proxy on a unix socket: requests come in absolute form.
func TestViaUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "proxy")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	uris := make(chan string, 1)
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uris <- r.RequestURI
		_, _ = io.WriteString(w, "by proxy")
	})}
	go func() { _ = proxy.Serve(l) }() // It ends with Close, which the test checks by nothing else.
	defer proxy.Close()
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": "http://mirror.invalid/debian"}, Via: "unix:" + socket})
	if got := b.get(t, "GET", "/mirror/debian/a.deb"); got.body != "by proxy" {
		t.Fatalf("%d %q", got.status, got.body)
	}
	if got, want := <-uris, "http://mirror.invalid/debian/a.deb"; got != want {
		t.Errorf("the proxy was asked for %q, want %q", got, want)
	}
}

func TestSecretsStayInside(t *testing.T) {
	const base = "http://user:hunter2@127.0.0.1:1/t0ken/debian"
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": base}})
	got := b.get(t, "GET", "/mirror/debian/a.deb")
	if got.status != 503 {
		t.Fatalf("%d", got.status)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.events) != 1 {
		t.Fatalf("events: %v", b.events)
	}
	for _, secret := range []string{"hunter2", "t0ken", "user:"} {
		if strings.Contains(got.body+b.events[0].Message, secret) {
			t.Errorf("%q is shown: %s %s", secret, got.body, b.events[0].Message)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"a scheme", Options{Upstreams: map[string]string{"d": "file:///etc"}}, "http or https"},
		{"a query", Options{Upstreams: map[string]string{"d": "http://m/?a=b"}}, "without a query"},
		{"a name", Options{Upstreams: map[string]string{"../d": "http://m/"}}, "a name holds"},
		{"a URL with a password", Options{Upstreams: map[string]string{"d": "http://u:hunter2@m:port/"}}, "not a URL"},
		{"via", Options{Via: "unix:relative"}, "via:"},
		{"via https", Options{Via: "https://proxy"}, "via:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Dir = t.TempDir()
			_, err := New(c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
