package mirror

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"rackhand/provision"
)

func TestForget(t *testing.T) {
	u := newUpstream(t, map[string][]byte{"/pool/g++.deb": []byte("old"), "/pool/b.deb": []byte("b"), "/c.deb": []byte("c")})
	o := Options{Upstreams: map[string]string{"m": u.URL, "n": u.URL}}
	b := newTestCache(t, o)
	fill := func() {
		for _, p := range []string{"m/pool/g++.deb", "m/pool/b.deb", "m/c.deb", "n/c.deb"} {
			b.get(t, "GET", "/mirror/"+p)
		}
		b.waitIdle()
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

// A forgotten download ends for its readers and isn't kept. Later clients get another
// one.
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
	b := newTestCache(t, Options{Upstreams: map[string]string{"m": u.URL}})
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
	b.waitIdle()
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
