package mirror

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// diskUsage is the size of the cache's folder, in bytes: stored, and under way.
func (b *testCache) diskUsage(t *testing.T) (sum int64) {
	t.Helper()
	for _, pattern := range []string{"*", "*/*", "*/*/*", "*/*/*/*"} {
		names, err := filepath.Glob(filepath.Join(b.o.Dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if st, err := os.Lstat(n); err == nil && st.Mode().IsRegular() {
				sum += st.Size()
			}
		}
	}
	return sum
}

// spaceReleased waits until no flight holds room: it gives that back once its file is in its
// place, after its readers have had the last byte.
func (b *testCache) spaceReleased(t *testing.T) {
	t.Helper()
	for range 500 {
		b.Cache.mu.Lock()
		held := b.reserved
		b.Cache.mu.Unlock()
		if held == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("room is never given back")
}

// TestSizeInFlight: many large files at once, with and without a length, never take more
// than the cache may have, and those that fit come.
func TestSizeInFlight(t *testing.T) {
	const size, most = 300_000, 1_000_000
	for _, told := range []bool{true, false} {
		half, goOn := make(chan bool, 20), make(chan bool)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if told {
				w.Header().Set("Content-Length", "300000")
			}
			_, _ = io.WriteString(w, strings.Repeat("x", size/2))
			w.(http.Flusher).Flush()
			half <- true
			<-goOn
			_, _ = io.WriteString(w, strings.Repeat("x", size/2))
		}))
		b := newTestCache(t, Options{Upstreams: map[string]string{"m": srv.URL}, MaxBytes: most})
		answers := make(chan int, 10)
		for i := range 10 {
			go func() {
				resp, err := http.Get(b.front.URL + "/mirror/m/file" + string(rune('a'+i)))
				if err != nil {
					answers <- 0
					return
				}
				defer resp.Body.Close()
				if got, err := io.ReadAll(resp.Body); err != nil || len(got) != size {
					answers <- 0
					return
				}
				answers <- resp.StatusCode
			}()
		}
		for range 10 {
			<-half
		}
		if w := b.diskUsage(t); w > most+100_000 { // and the descriptions of the files
			t.Errorf("length told %v: under way are %d bytes", told, w)
		}
		close(goOn)
		good := 0
		for range 10 {
			if <-answers == http.StatusOK {
				good++
			}
		}
		// Three files of known length fit; a later one finds room again.
		if told && good < 3 {
			t.Errorf("length told %v: %d files came", told, good)
		}
		b.spaceReleased(t) // a file that is renamed would be counted twice
		if w := b.diskUsage(t); w > most+100_000 {
			t.Errorf("length told %v: %d bytes are kept", told, w)
		}
		srv.Close()
		// All is given back: a file as large as the cache comes, and the others give way.
		large := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("y", most-1000))
		}))
		b.upstreams["m"].Host = strings.TrimPrefix(large.URL, "http://")
		if got := b.get(t, "GET", "/mirror/m/large"); got.status != 200 {
			t.Errorf("length told %v: afterwards: %d", told, got.status)
		}
		large.Close()
	}
}

func TestOnward(t *testing.T) {
	const refused, public, known = "refused", "public", "known"
	for to, want := range map[string]string{
		"http://mirror.example/x":       known,
		"http://MIRROR.example/x":       known,
		"https://mirror.example/x":      known,
		"http://mirror.example:22/x":    refused,
		"http://mirror.example:8080/x":  refused,
		"https://cdn.example.org/x":     public,
		"http://cdn.example.org:80/x":   public,
		"http://cdn.example.org:8080/x": refused,
		"http://files.example.net/x":    known,
		"http://files.example.net:81/x": refused,
		"http://10.0.0.7:8080/x":        known,
		"http://10.0.0.7/x":             refused,
		"http://127.0.0.1/x":            refused,
		"http://[::1]/x":                refused,
		"http://[::ffff:127.0.0.1]/x":   refused,
		"http://169.254.169.254/latest": refused,
		"http://[fe80::1]/x":            refused,
		"http://192.168.1.1/x":          refused,
		"http://[fd00::1]/x":            refused,
		"http://[64:ff9b::7f00:1]/x":    refused,
		"http://100.64.0.1/x":           refused,
		"http://0.0.0.0/x":              refused,
		"http://localhost/x":            refused,
		"http://localhost./x":           refused,
		"http://bmc/x":                  refused,
		"http://8.8.8.8/x":              public,
		"ftp://cdn.example.org/x":       refused,
		"file:///etc/passwd":            refused,
		"gopher://mirror.example:70/_x": refused,
	} {
		req, err := http.NewRequest(http.MethodGet, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		isPublic, err := checkTarget(req, "mirror.example", []string{"files.example.net", "10.0.0.7:8080"})
		got := known
		if err != nil {
			got = refused
		} else if isPublic {
			got = public
		}
		if got != want {
			t.Errorf("%s: %s (%v), want %s", to, got, err, want)
		}
	}
}

func TestStrangersOnly(t *testing.T) {
	for address, fine := range map[string]bool{
		"8.8.8.8:80": true, "[2606:4700::1]:443": true, "127.0.0.1:80": false, "10.1.2.3:80": false, "[::1]:80": false, "169.254.169.254:80": false,
		"[::ffff:192.168.0.1]:80": false, "224.0.0.1:80": false, "255.255.255.255:80": false, "x": false,
	} {
		if err := onlyPublic("tcp", address, nil); (err == nil) != fine {
			t.Errorf("%s: %v", address, err)
		}
	}
	if isPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// TestRedirectsElsewhere: an upstream sends the cache to another port of this machine,
// also by a name that leads here, and nothing is asked for there.
func TestRedirectsElsewhere(t *testing.T) {
	asked := false
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		_, _ = io.WriteString(w, "secret")
	}))
	defer inner.Close()
	host := strings.TrimPrefix(inner.URL, "http://")
	u := newUpstream(t, nil)
	for _, c := range []struct {
		allowed []string
		want    int
	}{{nil, 503}, {[]string{"127.0.0.1"}, 503}, {[]string{host}, 200}} {
		u.fault(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", inner.URL+"/x")
			w.WriteHeader(http.StatusFound)
			return true
		})
		b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}, Redirects: c.allowed})
		if got := b.get(t, "GET", "/mirror/m/x.deb"); got.status != c.want || asked != (c.want == 200) {
			t.Errorf("allowed %v: %d, asked %v", c.allowed, got.status, asked)
		}
	}
	// A name of the internet that leads to this machine: the address decides.
	if _, err := publicDialer()(t.Context(), "tcp", host); err == nil || !strings.Contains(err.Error(), "not a public address") {
		t.Errorf("got %v", err)
	}
}
