//go:build e2e || bench

package page_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"rackhand/provision/web/page"
)

// chromium starts a headless browser of Debian's package, with a profile of its
// own. The returned context ends with the test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	const path = "/usr/bin/chromium"
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("these tests need Chromium (%v): apt-get install chromium", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	var opts []chromedp.ExecAllocatorOption
	opts = append(opts, chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox)
	for _, name := range []string{
		"headless", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage", "hide-scrollbars",
	} {
		opts = append(opts, chromedp.Flag(name, true))
	}
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	do(t, ctx) // starts it
	// Ends it in good order, before its profile is removed.
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	return ctx
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func command[P, R any](t *testing.T, ctx context.Context, cmd cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(ctx, cmd, params); err != nil {
		t.Fatal(err)
	}
}

// eval reads a JavaScript expression.
func eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%v\nin %s", err, expression)
	}
	return v
}

// until waits for a JavaScript expression to be true. (chromedp's own Poll needs
// eval in the page, which its policy forbids.)
func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for range 600 {
		// An error may come from a page that is just being replaced.
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")")); err == nil && ok {
			return
		}
		if err := ctx.Err(); err != nil {
			t.Fatalf("%v while waiting for %s", err, expression)
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	t.Fatalf("not so after 30 s: %s\nThe page says:\n%s", expression, text)
}

const isLive = `document.querySelector('#link[data-state=live]')`

// open goes to a page and waits until it follows live.
func open(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	do(t, ctx, chromedp.Navigate(url))
	until(t, ctx, isLive)
}

// A site is the page behind a server on loopback that can go away and come back
// at the same address.
type site struct {
	t       *testing.T
	handler http.Handler
	addr    string
	server  *http.Server
	stop    context.CancelFunc
	streams atomic.Int32 // that browsers have opened
	// fragments are the parts of pages that their scripts have fetched.
	fragments atomic.Int32
}

func newSite(t *testing.T, f page.Source, clock func() time.Time) *site {
	t.Helper()
	h, err := page.New(page.Options{Source: f, Log: slog.New(slog.DiscardHandler), Clock: clock, Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, addr: "127.0.0.1:0"}
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/events":
			s.streams.Add(1)
		case strings.HasPrefix(r.URL.Path, "/fragment/"):
			s.fragments.Add(1)
		}
		h.ServeHTTP(w, r)
	})
	s.up()
	t.Cleanup(s.down)
	return s
}

func (s *site) up() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = l.Addr().String()
	base, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.server = &http.Server{
		Handler: s.handler, BaseContext: func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      3 * time.Second, // a page's; streams must outlive it
	}
	server := s.server
	go func() { _ = server.Serve(l) }()
}

// down ends the server and every stream.
func (s *site) down() {
	s.stop()
	_ = s.server.Close()
}

func (s *site) url(path string) string { return "http://" + s.addr + path }
