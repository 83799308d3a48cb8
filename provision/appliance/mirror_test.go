package appliance

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/mirror"
	"rackhand/provision/operate"
	"rackhand/provision/web"
	"rackhand/provision/web/client"
)

// servedMirror serves a mirror cache with three files over the operator's socket.
func servedMirror(t *testing.T) (*client.Client, *journal.Journal) {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.Path))
	}))
	t.Cleanup(upstream.Close)
	cache, err := mirror.New(mirror.Options{Dir: t.TempDir(), Upstreams: map[string]string{"debian": upstream.URL}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/pool/g++.deb", "/pool/a.deb", "/InRelease"} {
		if _, err := cache.Ensure(t.Context(), "debian", p); err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	_, j := journaltest.Run(t, t.TempDir(), time.Now, nil, log)
	socket := filepath.Join(t.TempDir(), "sock")
	l, err := web.ListenUnix(socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: web.New(web.Options{Operator: &operate.Operator{Journal: j, MirrorList: cache.List, Forget: cache.Forget}, Journal: j, Log: log}).API(), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	return client.New(socket), j
}

// `rackhand mirror list` and `rackhand mirror forget`, over the socket.
func TestMirrorListAndForget(t *testing.T) {
	c, j := servedMirror(t)
	list := func(at string) string {
		t.Helper()
		files, err := c.MirrorList(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, f := range files {
			if f.Size == 0 || f.SHA256 == "" || f.Stored.IsZero() || f.Used.IsZero() {
				t.Errorf("%+v", f)
			}
			paths = append(paths, f.Path)
		}
		return strings.Join(paths, " ")
	}
	if got, want := list(""), "debian/InRelease debian/pool/a.deb debian/pool/g%2B%2B.deb"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := list("debian/pool/"); got != "debian/pool/a.deb debian/pool/g%2B%2B.deb" {
		t.Error(got)
	}
	got, err := c.MirrorForget(t.Context(), "debian/pool/g++.deb")
	if err != nil || got != (provision.MirrorForgotten{Files: 1, Bytes: int64(len("/pool/g++.deb"))}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got := list("debian/pool/"); got != "debian/pool/a.deb" {
		t.Error(got)
	}
	for at, want := range map[string]string{
		"debian/pool/g++.deb": "the mirror cache keeps nothing there: debian/pool/g%2B%2B.deb (the name of a folder ends with /)",
		"ubuntu/a":            "there is no upstream \"ubuntu\"",
	} {
		if _, err := c.MirrorForget(t.Context(), at); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", at, err, want)
		}
	}
	events, err := j.Events(t.Context(), "", 0)
	if err != nil || len(events) != 1 || events[0].Kind != "mirror-forgotten" || !strings.Contains(events[0].Message, "debian/pool/g%2B%2B.deb") {
		t.Errorf("%+v, %v", events, err)
	}
}
