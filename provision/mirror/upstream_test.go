package mirror

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision"
)

// upstream is a package mirror whose faults a test chooses.
type upstream struct {
	*httptest.Server
	mu       sync.Mutex
	files    map[string][]byte
	requests []*http.Request
	// before, when set, may answer a request itself and then returns true.
	before func(w http.ResponseWriter, r *http.Request) bool
}

var fileTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newUpstream(t *testing.T, files map[string][]byte) *upstream {
	t.Helper()
	u := &upstream{files: files}
	u.Server = httptest.NewServer(u)
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.requests = append(u.requests, r)
	before := u.before
	data, ok := u.files[r.URL.Path]
	u.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", etag(data))
	http.ServeContent(w, r, r.URL.Path, fileTime, bytes.NewReader(data))
}

func etag(data []byte) string { return fmt.Sprintf(`"%d-%.16s"`, len(data), sha(data)) }

func (u *upstream) set(path, text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[path] = []byte(text)
}

func (u *upstream) fault(f func(w http.ResponseWriter, r *http.Request) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.before = f
}

func (u *upstream) asked() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.requests)
}

// testCache is a cache with its front and what it recorded.
type testCache struct {
	*Cache
	front  *httptest.Server
	mu     sync.Mutex
	now    time.Time
	events []provision.Event
}

func newTestCache(t *testing.T, o Options) *testCache {
	t.Helper()
	b := &testCache{now: fileTime.Add(time.Hour)}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Clock = func() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.now }
	o.Record = provision.RecorderFunc(func(e provision.Event) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
		return nil
	})
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	b.Cache = c
	b.front = httptest.NewServer(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		b.front.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *testCache) pass(d time.Duration) { b.mu.Lock(); defer b.mu.Unlock(); b.now = b.now.Add(d) }

func (b *testCache) kinds() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var kinds []string
	for _, e := range b.events {
		kinds = append(kinds, e.Kind)
	}
	return strings.Join(kinds, " ")
}

type answer struct {
	status int
	header http.Header
	body   string
	err    error // of asking, or of reading the body
}

// get asks the cache; headers are pairs.
func (b *testCache) get(t *testing.T, method, path string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, b.front.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body), err}
}

// stored lists the files that the cache keeps, and those under way.
func (b *testCache) stored(t *testing.T) (files, partial []string) {
	t.Helper()
	err := filepath.WalkDir(b.Cache.o.Dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
		case filepath.Dir(path) == b.Cache.partial():
			partial = append(partial, path)
		default:
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, partial
}

// waitIdle waits until nothing is under way.
func (b *testCache) waitIdle() {
	for {
		b.Cache.mu.Lock()
		n := len(b.Cache.flights)
		b.Cache.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
