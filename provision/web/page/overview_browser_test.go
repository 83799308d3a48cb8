//go:build e2e

package page_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rackhand/provision"
)

// rows are the hosts of the page in view, in their order; a folded group's aren't.
const rows = `[...document.querySelectorAll('.group[open] tbody')].map((r) => r.id.slice(5)).join(' ')`

// slugs are the groups of the page, with their numbers of rows.
const slugs = `[...document.querySelectorAll('.group')].map((g) => g.dataset.slug + ':' + g.querySelectorAll('tbody').length + '/' + g.querySelector('.n').textContent).join(' ')`

func untilIs(t *testing.T, ctx context.Context, expression, want string) {
	t.Helper()
	until(t, ctx, fmt.Sprintf("(%s) === %q", expression, want))
}

// TestStuckMovesUp: a row that time alone makes stuck moves up with its cause, without an
// event and without a reload; back when it goes on, and up again when it fails. The other
// rows, the reader's focus and the stream stay.
func TestStuckMovesUp(t *testing.T) {
	t.Parallel()
	f := rack(time.Now())
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	said := complaints(t, ctx)
	open(t, ctx, s.url("/"))
	before := eval[string](t, ctx, slugs)
	eval[bool](t, ctx, `document.querySelector('#host-web3 a').focus(), window.kept = document.querySelector('#host-web1'), true`)

	f.setStuck("web3", driverMissing("web3", time.Now()))
	until(t, ctx, `document.querySelector('#group-stuck #host-web3 .badge')?.textContent === 'stuck in packages'`)
	for _, want := range []string{"no driver", "Then its console shows no network interface.", "rackhand trace web3"} {
		until(t, ctx, fmt.Sprintf(`document.querySelector('#host-web3 .cause').innerText.includes(%q)`, want))
	}
	untilIs(t, ctx, slugs, strings.Replace(strings.Replace(before, "over-budget", "stuck:1/1 over-budget", 1), "under-way:3/3", "under-way:2/2", 1))
	untilIs(t, ctx, `document.getElementById('announce').textContent`, "web3: stuck in packages")

	f.setStuck("web3", nil)
	untilIs(t, ctx, slugs, before)
	untilIs(t, ctx, `document.querySelector('#group-under-way tbody:last-of-type').id`, "host-web10")

	f.emit(event("web3", provision.Failed, "The disk is full."))
	until(t, ctx, `document.querySelector('#group-failed tbody:last-of-type').id === 'host-web3'`)
	f.emit(provision.Event{Time: time.Now(), Source: "inventory", Kind: "taken", Message: "Reloaded."}) // the whole page
	f.emit(event("web10", provision.Serving, "HTTP 200"))
	until(t, ctx, `document.querySelector('#group-serving #host-web10')`)
	if got := eval[string](t, ctx, `document.activeElement.textContent`); got != "web3" {
		t.Errorf("the reader's focus is at %q", got)
	}
	if !eval[bool](t, ctx, `window.kept === document.querySelector('#host-web1')`) {
		t.Error("a row that didn't change was replaced")
	}
	if n := s.streams.Load(); n != 1 {
		t.Errorf("%d streams were opened", n)
	}
	wantNone(t, said())
}

// TestFilterInBrowser: a filter takes effect at once, stands in the address, and survives
// events, a reload and the browser's back button. The stream goes on.
func TestFilterInBrowser(t *testing.T) {
	t.Parallel()
	f := troubled(time.Now())
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	said := complaints(t, ctx)
	open(t, ctx, s.url("/"))

	do(t, ctx, chromedp.SendKeys("#filter input", "web1"))
	untilIs(t, ctx, rows, "web10 web1")
	untilIs(t, ctx, `location.search`, "?q=web1")
	untilIs(t, ctx, `document.getElementById('announce').textContent`, "2 hosts are shown")
	f.emit(event("web3", provision.Installed, "the filter leaves it out"))
	f.setStuck("web10", nil)
	f.emit(event("web10", provision.Packages, "it goes on"))
	until(t, ctx, `document.querySelector('#group-under-way #host-web10')`)
	untilIs(t, ctx, rows, "web10 web1")
	do(t, ctx, chromedp.SendKeys("#filter input", "0")) // while the reader is in the field
	untilIs(t, ctx, rows, "web10")

	do(t, ctx, chromedp.Click("#filter .clear"))
	untilIs(t, ctx, `location.search + document.querySelector('#filter input').value`, "")
	untilIs(t, ctx, rows, "db2 node1 node2 node3 build1 lb1 web2 3c:ec:ef:10:20:31 db1 web3 web10 cache1 spare1 web1")
	do(t, ctx, chromedp.Click(`.tally .stuck a`))
	untilIs(t, ctx, rows, "node1 node2 node3")
	untilIs(t, ctx, `location.search + document.querySelector('#filter [name=state]').value`, "?state=stuckstuck")
	eval[bool](t, ctx, `(() => { const s = document.querySelector('#filter [name=system]'); s.value = 'rocky9'; s.dispatchEvent(new Event('input', {bubbles: true})); return true; })()`)
	untilIs(t, ctx, `location.search`, "?state=stuck&system=rocky9")
	until(t, ctx, `document.querySelector('#no-hosts').innerText.includes('No host matches')`)
	eval[bool](t, ctx, `history.back(), true`)
	untilIs(t, ctx, `location.search`, "")
	until(t, ctx, `document.querySelector('#host-db2') && document.querySelector('#filter [name=state]').value === ''`)

	if n := s.streams.Load(); n != 1 {
		t.Errorf("%d streams were opened", n)
	}
	open(t, ctx, s.url("/?role=node&q=snooping"))
	untilIs(t, ctx, rows, "node1 node2 node3")
	wantNone(t, said())
}

// TestFoldingInBrowser: a group folds by the keyboard, stays so in this browser, and a filter
// that asks for its hosts shows them.
func TestFoldingInBrowser(t *testing.T) {
	t.Parallel()
	f := big(time.Now(), 500, 5)
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	open(t, ctx, s.url("/"))
	const five = "node1 node2 node3 node4 node5"
	untilIs(t, ctx, rows, five)
	press := func(group string) {
		t.Helper()
		eval[bool](t, ctx, fmt.Sprintf(`document.querySelector('#group-%s > summary').focus(), true`, group))
		do(t, ctx, chromedp.KeyEvent(kb.Enter))
	}
	press("serving")
	until(t, ctx, `document.querySelectorAll('.group[open] tbody').length === 500`)
	press("under-way")
	until(t, ctx, `document.querySelectorAll('.group[open] tbody').length === 495`)
	f.emit(event("node3", provision.Serving, "HTTP 200"))
	until(t, ctx, `document.querySelectorAll('.group[open] tbody').length === 496`)
	open(t, ctx, s.url("/"))
	until(t, ctx, `document.querySelectorAll('.group[open] tbody').length === 496`)
	press("serving")
	until(t, ctx, `document.querySelectorAll('.group[open]').length === 0`)
	open(t, ctx, s.url("/?q=node49"))
	until(t, ctx, `document.querySelectorAll('.group[open] tbody').length === 11`)
	do(t, ctx, chromedp.Click("#filter .clear"))
	until(t, ctx, `document.querySelectorAll('.group').length === 2 && document.querySelectorAll('.group[open]').length === 0`)
}

// TestEmptyInBrowser: the first box that boots appears on the empty page, and a command can be
// copied.
func TestEmptyInBrowser(t *testing.T) {
	t.Parallel()
	f := newFake()
	s := newSite(t, f, time.Now)
	ctx := chromium(t)
	open(t, ctx, s.url("/"))
	do(t, ctx, chromedp.WaitVisible("#no-hosts"), chromedp.Click("#no-hosts .copy"))
	untilIs(t, ctx, `document.querySelector('#no-hosts .copy').textContent`, "Copied")
	f.mu.Lock()
	f.hosts = append(f.hosts, provision.HostStatus{Host: "52:54:00:00:00:99", Unclaimed: true, MACs: []string{"52:54:00:00:00:99"}, LastSeen: time.Now()})
	f.mu.Unlock()
	f.emit(provision.Event{Time: time.Now(), Host: "52:54:00:00:00:99", Source: "dhcp", Kind: "unclaimed", Message: "An unknown box."})
	untilIs(t, ctx, slugs, "unclaimed:1/1")
	do(t, ctx, chromedp.WaitNotVisible("#no-hosts"))
	untilIs(t, ctx, `document.querySelector('.cause code').textContent`, "rackhand claim 52:54:00:00:00:99 NAME --group GROUP")
}

// TestFilterWithoutScript: the filter is a plain form, and groups fold.
func TestFilterWithoutScript(t *testing.T) {
	t.Parallel()
	s := newSite(t, troubled(time.Now()), time.Now)
	ctx := chromium(t)
	command(t, ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	do(t, ctx, chromedp.Navigate(s.url("/")), chromedp.SendKeys("#filter input", "snooping"), chromedp.Click("#filter button"))
	until(t, ctx, `location.search.includes('q=snooping')`)
	untilIs(t, ctx, rows, "node1 node2 node3")
	do(t, ctx, chromedp.Click("#group-stuck > summary"))
	until(t, ctx, `document.querySelectorAll('.group[open]').length === 0`)
}
