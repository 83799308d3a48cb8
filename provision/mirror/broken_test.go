package mirror

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cut answers with the whole file's headers and some of its bytes.
func cut(data string, at int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Header().Set("ETag", etag([]byte(data)))
		_, _ = io.WriteString(w, data[:at])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestResumes(t *testing.T) {
	data := strings.Repeat("0123456789", 50_000)
	u := newUpstream(t, map[string][]byte{"/a.deb": []byte(data)})
	u.fault(cut(data, 123_456))
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
	got := b.get(t, "GET", "/mirror/debian/a.deb")
	if got.err != nil || got.body != data {
		t.Fatalf("%d bytes, %v", len(got.body), got.err)
	}
	if u.asked() != 2 || b.kinds() != "" {
		t.Errorf("asked %d times, events %q", u.asked(), b.kinds())
	}
}

func TestBrokenIsNeverKept(t *testing.T) {
	data := strings.Repeat("0123456789", 50_000)
	for _, c := range []struct {
		name  string
		fault func(http.ResponseWriter, *http.Request) bool
	}{
		{"no rest", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return cut(data, 1000)(w, r)
		}},
		{"another file by now", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") != "" {
				w.Header().Set("ETag", `"other"`)
				w.Header().Set("Content-Range", "bytes 1000-499999/500000")
				w.WriteHeader(http.StatusPartialContent)
				return true
			}
			return cut(data, 1000)(w, r)
		}},
		{"nothing to know it again by", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"without a length", func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"silent", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newUpstream(t, map[string][]byte{})
			u.fault(c.fault)
			b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}, Stall: time.Second})
			got := b.get(t, "GET", "/mirror/debian/a.deb")
			if got.err == nil {
				t.Errorf("the client was told that %d bytes are the whole file", len(got.body))
			}
			b.waitIdle()
			if files, partial := b.stored(t); len(files)+len(partial) > 0 {
				t.Errorf("left behind: %v %v", files, partial)
			}
			if b.kinds() != "mirror-broken" {
				t.Errorf("events: %q", b.kinds())
			}
		})
	}
}

func TestWithoutLength(t *testing.T) {
	u := newUpstream(t, map[string][]byte{})
	u.fault(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "last")
		return true
	})
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
	for range 2 {
		if got := b.get(t, "GET", "/mirror/debian/a.deb"); got.body != "first last" || got.err != nil {
			t.Errorf("%q %v", got.body, got.err)
		}
		b.waitIdle()
	}
	if u.asked() != 1 {
		t.Errorf("asked %d times", u.asked())
	}
}

func TestByHashIsChecked(t *testing.T) {
	sum := sha256.Sum256([]byte("right"))
	path := "/main/by-hash/SHA256/" + hex.EncodeToString(sum[:])
	u := newUpstream(t, map[string][]byte{path: []byte("wrong")})
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
	b.get(t, "GET", "/mirror/debian"+path)
	b.waitIdle()
	if files, _ := b.stored(t); len(files) != 0 || b.kinds() != "mirror-mismatch" {
		t.Errorf("kept %v, events %q", files, b.kinds())
	}
	u.set(path, "right")
	if got := b.get(t, "GET", "/mirror/debian"+path); got.body != "right" {
		t.Errorf("got %q", got.body)
	}
	b.waitIdle()
	if files, _ := b.stored(t); len(files) != 1 {
		t.Errorf("kept %v", files)
	}
}

func TestSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	u := newUpstream(t, map[string][]byte{"/a.deb": []byte("a"), "/InRelease": []byte("r")})
	b := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"debian": u.URL}})
	b.get(t, "GET", "/mirror/debian/a.deb")
	b.get(t, "GET", "/mirror/debian/InRelease")
	b.waitIdle()
	left := filepath.Join(b.partial(), "killed")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"debian": u.URL}})
	if _, partial := again.stored(t); len(partial) > 0 {
		t.Errorf("what was under way is still there: %v", partial)
	}
	if got := again.get(t, "GET", "/mirror/debian/a.deb"); got.body != "a" || u.asked() != 2 {
		t.Errorf("%q after %d requests", got.body, u.asked())
	}
	if again.get(t, "GET", "/mirror/debian/InRelease"); u.asked() != 3 {
		t.Errorf("after a start the index wasn't asked for")
	}
}

// A file that was damaged on the disk is noticed and fetched again.
func TestDamaged(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"cut", func(d []byte) []byte { return d[:len(d)/2] }},
		{"longer", func(d []byte) []byte { return append([]byte("x"), d...) }},
		{"wild length", func(d []byte) []byte { d[len(d)-16] = 0xff; return d }},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newUpstream(t, map[string][]byte{"/a.deb": []byte("a package")})
			b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
			b.get(t, "GET", "/mirror/debian/a.deb")
			b.waitIdle()
			files, _ := b.stored(t)
			data, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], c.damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := b.get(t, "GET", "/mirror/debian/a.deb"); got.body != "a package" || u.asked() != 2 {
				t.Errorf("%q after %d requests", got.body, u.asked())
			}
		})
	}
}
