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
	"path/filepath"
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

var shots = flag.String("shots", "", "folder for TestScreenshots to put its pictures in; a temporary one by default")

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

// TestFits: nothing makes the page scroll sideways, on a phone or a desk, not
// even long words; and nothing readable is lost in the narrow form.
func TestFits(t *testing.T) {
	f := rack(time.Now())
	f.setProblems("inventory/hosts.yaml:14:5: " + strings.Repeat("a long line of a problem ", 20))
	long := event("web3", "", strings.Repeat("unbroken", 200))
	long.Fields = map[string]string{"path": strings.Repeat("/very/long", 50)}
	f.emit(long)
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	said := complaints(t, ctx)
	for _, width := range []int64{320, 390, 768, 821, 901, 1440} {
		for _, path := range []string{"/", "/host/web3", "/host/db2", "/host/spare1", "/host/3c:ec:ef:10:20:31"} {
			do(t, ctx, chromedp.EmulateViewport(width, 844))
			open(t, ctx, s.url(path))
			if over := eval[int](t, ctx, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				who := eval[[]string](t, ctx, `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(e => e.tagName + '.' + e.className)`)
				t.Errorf("%s at %d pixels is %d too wide: %v", path, width, over, who)
			}
		}
	}
	if all := said(); len(all) > 0 {
		t.Errorf("the console says: %s", strings.Join(all, "\n"))
	}
}

// TestContrast computes the contrast of every text against its background, dark
// and light: at least 4.5 (WCAG 2.2 AA, 1.4.3).
func TestContrast(t *testing.T) {
	f := rack(time.Now())
	f.setProblems("hosts.yaml:3:1: a mistake")
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	for _, scheme := range []string{"light", "dark"} {
		prefer(t, ctx, scheme)
		for _, path := range []string{"/", "/host/web3", "/host/db2", "/host/3c:ec:ef:10:20:31"} {
			open(t, ctx, s.url(path))
			if poor := eval[[]string](t, ctx, poorContrast); len(poor) > 0 {
				t.Errorf("%s, %s: too little contrast:\n%s", path, scheme, strings.Join(poor, "\n"))
			}
			if n := eval[int](t, ctx, `[...document.querySelectorAll('body *')].length`); n < 50 {
				t.Errorf("%s has %d elements only", path, n)
			}
		}
	}
}

// prefer sets the reader's colour scheme, and stops motion.
func prefer(t *testing.T, ctx context.Context, scheme string) {
	t.Helper()
	command(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// poorContrast lists the texts whose contrast is below 4.5, by the formula of
// WCAG 2.2, "relative luminance".
const poorContrast = `(() => {
	const rgba = (s) => { const m = s.match(/[\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
	const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
	const lum = (c) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
	const back = (el) => { const chain = []; for (let e = el; e; e = e.parentElement) chain.unshift(rgba(getComputedStyle(e).backgroundColor)); return chain.reduce((b, c) => over(c, b), [255, 255, 255, 1]); };
	const poor = new Set();
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const el = walker.currentNode.parentElement;
		if (!walker.currentNode.textContent.trim() || !el.checkVisibility() || el.closest('noscript, .unseen')) continue;
		let opacity = 1;
		for (let e = el; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
		const b = back(el), c = rgba(getComputedStyle(el).color);
		c[3] *= opacity;
		const [x, y] = [lum(over(c, b)), lum(b)].sort((p, q) => q - p);
		const ratio = (x + 0.05) / (y + 0.05);
		if (ratio < 4.5) poor.add(ratio.toFixed(2) + ' ' + el.tagName + '.' + el.className + ': ' + walker.currentNode.textContent.trim().slice(0, 40));
	}
	return [...poor];
})()`

// TestScreenshots takes pictures of the pages, dark, light and on a phone:
//
//	go test -tags e2e -run Screenshots ./provision/web/page -args -shots DIR
func TestScreenshots(t *testing.T) {
	dir := *shots
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	now := theTime()
	f := rack(now)
	broken := rack(now)
	broken.setProblems("inventory/hosts.yaml:14:5: unknown key \"adress\"\n\n    14 |     adress: 10.77.0.12\n       |     ^ did you mean \"address\"?")
	clock := func() time.Time { return now }
	good, bad := newSite(t, f, clock), newSite(t, broken, clock)
	ctx := chromium(t)
	command(t, ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
	for _, tt := range []struct {
		name   string
		site   *site
		path   string
		scheme string
		width  int64
		height int64
	}{
		{"hosts-light", good, "/", "light", 1280, 800},
		{"hosts-dark", good, "/", "dark", 1280, 800},
		{"hosts-phone", good, "/", "light", 390, 844},
		{"problem-light", bad, "/", "light", 1280, 800},
		{"problem-phone-dark", bad, "/", "dark", 390, 844},
		{"host-light", good, "/host/web3", "light", 1280, 800},
		{"host-dark", good, "/host/web3", "dark", 1280, 800},
		{"host-phone", good, "/host/web3", "dark", 390, 844},
		{"serving-light", good, "/host/web1", "light", 1280, 800},
		{"failed-dark", good, "/host/db2", "dark", 1280, 800},
		{"idle-light", good, "/host/spare1", "light", 1280, 800},
		{"unclaimed-light", good, "/host/3c:ec:ef:10:20:31", "light", 1280, 800},
		{"missing-light", good, "/host/nobody", "light", 1280, 800},
		{"tablet-light", good, "/", "light", 768, 1024},
	} {
		prefer(t, ctx, tt.scheme)
		do(t, ctx, chromedp.EmulateViewport(tt.width, tt.height))
		open(t, ctx, tt.site.url(tt.path))
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if len(picture) < 1000 {
			t.Errorf("%s: a picture of %d bytes", tt.name, len(picture))
		}
		if err := os.WriteFile(filepath.Join(dir, tt.name+".png"), picture, 0o644); err != nil {
			t.Error(err)
		}
	}
}
