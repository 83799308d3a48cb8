//go:build e2e

package page_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"rackhand/provision"
	"rackhand/provision/web/page"
)

// TestMain lets more of these tests run side by side than there are cores, unless
// -parallel says otherwise: some wait for a timeout or a reload, and each has a browser of
// its own.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "3"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// chromium starts a headless browser of Debian's package, with a profile of its
// own. The returned context ends with the test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	const path = "/usr/bin/chromium"
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("these tests need Chromium (%v): apt-get install chromium", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
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

// complaints collects what the browser's console says that is not good: errors,
// warnings, uncaught exceptions, refusals by the security policy.
func complaints(t *testing.T, ctx context.Context) func() []string {
	t.Helper()
	var mu sync.Mutex
	var all []string
	err := chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			all = append(all, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			all = append(all, fmt.Sprintf("console.%s", e.Type))
		case *log.EventEntryAdded:
			all = append(all, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		t.Helper()
		// What is said last comes last: then all before it was heard.
		eval[bool](t, ctx, `console.error('that is all') === undefined`)
		for {
			mu.Lock()
			heard := append([]string(nil), all...)
			mu.Unlock()
			if n := len(heard); n > 0 && heard[n-1] == "console.error" {
				return heard[:n-1]
			}
			if err := ctx.Err(); err != nil {
				t.Fatalf("the console is not heard: %v", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// A site is the page behind a server on loopback that can go away and come back
// at the same address.
type site struct {
	t       *testing.T
	handler http.Handler
	addr    string
	server  *http.Server
	stop    context.CancelFunc
}

func newSite(t *testing.T, f *fake, clock func() time.Time) *site {
	t.Helper()
	h, err := page.New(page.Options{Source: f, Log: slog.New(slog.DiscardHandler), Clock: clock, Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, handler: h, addr: "127.0.0.1:0"}
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

func event(host string, stage provision.Stage, message string) provision.Event {
	return provision.Event{Time: time.Now(), Host: host, Source: "installer", Kind: "report", Stage: stage, Message: message}
}

// TestLive: the timeline and the table advance while an install goes on, without
// a reload, also long after the server's write timeout.
func TestLive(t *testing.T) {
	t.Parallel()
	f := rack(time.Now())
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	said := complaints(t, ctx)
	open(t, ctx, s.url("/host/web3"))
	eval[bool](t, ctx, `document.querySelector('.crumbs a').focus(), window.sameDocument = true`)
	clock := eval[string](t, ctx, `document.querySelector('#summary .run').textContent`)
	time.Sleep(4 * time.Second) // beyond the server's write timeout
	if later := eval[string](t, ctx, `document.querySelector('#summary .run').textContent`); later == clock {
		t.Errorf("the clock stands at %s", later)
	}
	for _, stage := range []provision.Stage{provision.Installed, provision.Booted, provision.Enrolled, provision.Converging, provision.Converged, provision.Serving} {
		f.emit(event("web3", stage, "now in "+string(stage)))
		until(t, ctx, fmt.Sprintf(`document.querySelector('#summary .badge').textContent.trim() === %q`, stage))
		until(t, ctx, fmt.Sprintf(`document.querySelector('#events').textContent.includes('now in %s')`, stage))
	}
	if n := eval[int](t, ctx, `document.querySelectorAll('.journey tr.done').length`); n != 14 {
		t.Errorf("%d stages of 14 are done at the end", n)
	}
	if said := eval[string](t, ctx, `document.getElementById('announce').textContent`); said != "web3: serving" {
		t.Errorf("a screen reader was told %q", said)
	}
	if !eval[bool](t, ctx, `window.sameDocument === true && document.activeElement.textContent === 'Hosts'`) {
		t.Error("the page was loaded again, or took the reader's focus away")
	}
	if all := said(); len(all) > 0 {
		t.Errorf("the console says: %s", strings.Join(all, "\n"))
	}
}

// TestLiveOverview: rows, counts, problems and new boxes come into the table of
// all hosts, and the keyboard's focus stays where it was.
func TestLiveOverview(t *testing.T) {
	t.Parallel()
	f := rack(time.Now())
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	said := complaints(t, ctx)
	open(t, ctx, s.url("/"))
	eval[bool](t, ctx, `document.querySelector('#host-web10 a').focus(), window.sameDocument = true`)
	f.emit(event("web10", provision.Installer, "the installer runs"))
	until(t, ctx, `document.querySelector('#host-web10 .badge').textContent === 'installer'`)
	f.setProblems("hosts.yaml:3:1: a mistake")
	f.emit(provision.Event{Time: time.Now(), Source: "inventory", Kind: "rejected", Message: "The edit is not taken."})
	until(t, ctx, `document.querySelector('#problems pre').textContent === 'hosts.yaml:3:1: a mistake'`)
	do(t, ctx, chromedp.WaitVisible("#problems"))
	f.setProblems()
	f.emit(provision.Event{Time: time.Now(), Source: "inventory", Kind: "taken", Message: "Reloaded."})
	do(t, ctx, chromedp.WaitNotVisible("#problems"))
	f.add(20, "web4", "debian12", "web", &provision.Install{Requested: time.Now()})
	f.emit(event("web4", provision.Addressed, "a new host"))
	until(t, ctx, `document.querySelector('#host-web4 .badge').textContent === 'addressed'`)
	if !eval[bool](t, ctx, `window.sameDocument === true && document.activeElement.textContent === 'web10'`) {
		t.Error("the page was loaded again, or took the reader's focus away")
	}
	if all := said(); len(all) > 0 {
		t.Errorf("the console says: %s", strings.Join(all, "\n"))
	}
}

// TestComesBack: the page says that the connection is lost, and when the
// appliance is back shows what happened meanwhile.
func TestComesBack(t *testing.T) {
	t.Parallel()
	f := rack(time.Now())
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	open(t, ctx, s.url("/"))
	eval[bool](t, ctx, `window.sameDocument = true`)
	for round, stage := range []provision.Stage{provision.Installed, provision.Booted} {
		s.down()
		until(t, ctx, `document.querySelector('#link[data-state=lost]')`)
		if word := eval[string](t, ctx, `document.getElementById('link').textContent`); !strings.Contains(word, "connection lost") {
			t.Errorf("round %d: the page says %q", round, word)
		}
		f.emit(event("web3", stage, "meanwhile"))
		s.up()
		until(t, ctx, isLive)
		until(t, ctx, fmt.Sprintf(`document.querySelector('#host-web3 .badge').textContent === %q`, stage))
		f.emit(event("web3", provision.Enrolled, "live again"))
		until(t, ctx, `document.querySelector('#host-web3 .badge').textContent === 'enrolled'`)
	}
	if !eval[bool](t, ctx, `window.sameDocument === true`) {
		t.Error("the page was loaded again")
	}
}

// TestWithoutScript: without JavaScript all is there to read, the page reloads
// itself, and times are UTC.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := rack(now)
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	command(t, ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	read := func() string {
		t.Helper()
		text, err := chromedp.Run(ctx, chromedp.Text("body"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	do(t, ctx, chromedp.Navigate(s.url("/host/web3")))
	text := read()
	for _, want := range []string{"web3", "packages", "412 of 980 MB", "10.77.0.13", "52:54:00:00:00:03", "10.77.0.113", "UTC", "of 15:00", "The installer has its answer file.", "reloads every 5 s"} {
		if !strings.Contains(text, want) {
			t.Errorf("without JavaScript the page lacks %q", want)
		}
	}
	f.emit(event("web3", provision.Serving, "it serves, and the page reloaded"))
	until(t, ctx, `document.querySelector('.badge.serving')`) // by the meta refresh
	do(t, ctx, chromedp.Navigate(s.url("/")))
	text = read()
	for _, want := range []string{"web10", "spare1", "3c:ec:ef:10:20:31", "Supermicro", "How to claim it", "UTC"} {
		if !strings.Contains(text, want) {
			t.Errorf("without JavaScript the page of all hosts lacks %q", want)
		}
	}
}
