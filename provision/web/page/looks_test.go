//go:build e2e

package page_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"rackhand/provision"
)

var shots = flag.String("shots", "", "folder for TestScreenshots to put its pictures in; a temporary one by default")

// TestFits: nothing makes the page scroll sideways, on a phone or a desk, not
// even long words; and nothing readable is lost in the narrow form.
func TestFits(t *testing.T) {
	t.Parallel()
	f := troubled(time.Now())
	f.setProblems("inventory/hosts.yaml:14:5: " + strings.Repeat("a long line of a problem ", 20))
	long := event("web3", "", strings.Repeat("unbroken", 200))
	long.Fields = map[string]string{"path": strings.Repeat("/very/long", 50)}
	f.emit(long)
	s := newSite(t, f, time.Now)
	c := chronicled(time.Now())
	c.setStuck("web1", &provision.Stuck{
		Causes: []provision.Cause{{Text: strings.Repeat("unbroken", 100), Decider: strings.Repeat("unbroken", 100)}},
		Remedy: provision.Remedy{Text: "Do it.", Command: "rackhand set hosts.web1.name " + strings.Repeat("unbroken", 50)},
	})
	c.audited(time.Now())
	past := newSite(t, c, time.Now)
	ctx := chromium(t)
	said := complaints(t, ctx)
	for _, url := range []string{
		s.url("/"), s.url("/runs"), s.url("/host/web2"), s.url("/host/web3"), s.url("/host/db2"), s.url("/host/spare1"), s.url("/host/3c:ec:ef:10:20:31"),
		past.url("/bmc"), past.url("/host/web1"), past.url("/host/cache1"), past.url("/host/db1"), past.url("/host/db1/install/db1-13"), past.url("/host/db1/install/db1-13/log"),
	} {
		open(t, ctx, url)
		for _, width := range []int64{320, 360, 768, 821, 901, 1440} {
			do(t, ctx, chromedp.EmulateViewport(width, 844))
			if over := eval[int](t, ctx, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				who := eval[[]string](t, ctx, `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(e => e.tagName + '.' + e.className)`)
				t.Errorf("%s at %d pixels is %d too wide: %v", url, width, over, who)
			}
			if broken := eval[[]string](t, ctx, `[...document.querySelectorAll('.stagename, .badge, time')].filter(e => e.getClientRects().length > (e.matches('time') ? 2 : 1)).map(e => e.textContent)`); len(broken) > 0 {
				t.Errorf("%s at %d pixels breaks words: %v", url, width, broken)
			}
		}
	}
	wantNone(t, said())
}

// TestContrast computes the contrast of every text against its background, dark
// and light: at least 4.5 (WCAG 2.2 AA, 1.4.3).
func TestContrast(t *testing.T) {
	t.Parallel()
	f := troubled(time.Now())
	f.setProblems("hosts.yaml:3:1: a mistake")
	f.audited(time.Now())
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	for _, scheme := range []string{"light", "dark"} {
		prefer(t, ctx, scheme)
		for _, path := range []string{"/", "/runs", "/bmc", "/host/web2", "/host/web3", "/host/db2", "/host/3c:ec:ef:10:20:31"} {
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
	t.Parallel()
	dir := *shots
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	now := theTime()
	f := troubled(now)
	f.audited(now)
	broken := rack(now)
	broken.setProblems("inventory/hosts.yaml:14:5: unknown key \"adress\"\n\n    14 |     adress: 10.77.0.12\n       |     ^ did you mean \"address\"?")
	clock := func() time.Time { return now }
	good, bad, past := newSite(t, f, clock), newSite(t, broken, clock), newSite(t, chronicled(now), clock)
	many, none := newSite(t, big(now, 500, 20), clock), newSite(t, newFake(), clock)
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
		{"hosts-phone", good, "/", "light", 360, 800},
		{"hosts-phone-dark", good, "/", "dark", 360, 800},
		{"filter-light", good, "/?role=node&q=snooping", "light", 1280, 800},
		{"nothing-dark", good, "/?q=nothing", "dark", 1280, 800},
		{"many-light", many, "/", "light", 1280, 800},
		{"empty-light", none, "/", "light", 1280, 800},
		{"empty-phone-dark", none, "/", "dark", 360, 800},
		{"problem-light", bad, "/", "light", 1280, 800},
		{"problem-phone-dark", bad, "/", "dark", 390, 844},
		{"host-light", good, "/host/web3", "light", 1280, 800},
		{"host-dark", good, "/host/web3", "dark", 1280, 800},
		{"host-phone", good, "/host/web3", "dark", 390, 844},
		{"serving-light", good, "/host/web1", "light", 1280, 800},
		{"failed-dark", good, "/host/db2", "dark", 1280, 800},
		{"idle-light", good, "/host/spare1", "light", 1280, 800},
		{"unclaimed-light", good, "/host/3c:ec:ef:10:20:31", "light", 1280, 800},
		{"stuck-light", past, "/host/web10", "light", 1280, 800},
		{"stuck-dark", past, "/host/web10", "dark", 1280, 800},
		{"stuck-phone", past, "/host/web10", "light", 360, 800},
		{"link-light", past, "/host/cache1", "light", 1280, 800},
		{"link-phone-dark", past, "/host/cache1", "dark", 360, 800},
		{"again-light", past, "/host/web3", "light", 1280, 800},
		{"again-phone", past, "/host/web3", "light", 360, 800},
		{"guard-light", past, "/host/db2", "light", 1280, 800},
		{"guard-phone-dark", past, "/host/db2", "dark", 360, 800},
		{"history-light", past, "/host/db1", "light", 1280, 800},
		{"history-phone", past, "/host/db1", "light", 360, 800},
		{"earlier-light", past, "/host/db1/install/db1-13", "light", 1280, 800},
		{"earlier-dark", past, "/host/db1/install/db1-13", "dark", 1280, 800},
		{"earlier-phone", past, "/host/db1/install/db1-13", "light", 360, 800},
		{"log-light", past, "/host/db2/install/db2-1/log", "light", 1280, 800},
		{"log-phone-dark", past, "/host/db2/install/db2-1/log", "dark", 360, 800},
		{"unclaimed-phone", good, "/host/3c:ec:ef:10:20:31", "light", 360, 800},
		{"missing-light", good, "/host/nobody", "light", 1280, 800},
		{"bmc-light", good, "/bmc", "light", 1280, 800},
		{"bmc-dark", good, "/bmc", "dark", 1280, 800},
		{"bmc-phone-dark", good, "/bmc", "dark", 360, 800},
		{"runs-light", good, "/runs", "light", 1280, 800},
		{"runs-dark", good, "/runs", "dark", 1280, 800},
		{"runs-phone-dark", good, "/runs", "dark", 390, 844},
		{"report-dark", good, "/host/web2", "dark", 1280, 800},
		{"report-phone-light", good, "/host/web2", "light", 390, 844},
		{"bmc-phone-dark", good, "/host/web2", "dark", 360, 800},
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
