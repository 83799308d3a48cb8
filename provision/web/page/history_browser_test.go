//go:build e2e

package page_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rackhand/provision"
)

// TestWhyLive: on the page of a host that is stuck the command is copied, an event's number
// leads to it, and the finding goes once the box goes on, without a reload.
func TestWhyLive(t *testing.T) {
	t.Parallel()
	c := chronicled(time.Now())
	s := newSite(t, c, time.Now)
	ctx := chromium(t)
	said := complaints(t, ctx)
	open(t, ctx, s.url("/host/db2"))
	do(t, ctx, chromedp.Click("#why button.copy"))
	until(t, ctx, `document.querySelector('#why button.copy').textContent === 'Copied'`)
	if got := eval[string](t, ctx, `document.getElementById('announce').textContent`); got != "Copied: rackhand install db2 --wipe" {
		t.Errorf("a screen reader was told %q", got)
	}
	seqs := c.seqs("db2")
	last := seqs[len(seqs)-1]
	do(t, ctx, chromedp.Click(fmt.Sprintf(`#why .evidence a[href="#event-%d"]`, last)))
	until(t, ctx, fmt.Sprintf(`document.querySelector('tr:target') === document.getElementById('event-%d')`, last))
	if !eval[bool](t, ctx, `(() => { const r = document.querySelector('tr:target').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })()`) {
		t.Error("the event is not in sight")
	}

	open(t, ctx, s.url("/host/web10"))
	eval[bool](t, ctx, `window.sameDocument = true, document.querySelector('#why .evidence a').focus(), true`)
	c.emit(event("web10", "", "it is heard again"))
	until(t, ctx, `document.getElementById('events').textContent.includes('it is heard again')`)
	if !eval[bool](t, ctx, `document.activeElement.matches('#why .evidence a')`) {
		t.Error("an event took the reader's focus away")
	}
	c.setStuck("web10", nil)
	c.emit(event("web10", provision.Installer, "the installer runs"))
	until(t, ctx, `!document.getElementById('why') && document.querySelector('#summary .badge').textContent.trim() === 'installer'`)
	c.setStuck("web10", driverMissing("web10", time.Now()))
	c.emit(event("web10", "", "and stops again"))
	until(t, ctx, `document.getElementById('why') && document.getElementById('why').checkVisibility()`)
	if !eval[bool](t, ctx, `window.sameDocument === true`) {
		t.Error("the page was loaded again")
	}
	wantNone(t, said())
}

// TestHistoryLive: from a host's page to an earlier install, to its log, and back.
func TestHistoryLive(t *testing.T) {
	t.Parallel()
	c := chronicled(time.Now())
	s := newSite(t, c, time.Now)
	ctx := chromium(t)
	said := complaints(t, ctx)
	open(t, ctx, s.url("/host/db1"))
	eval[bool](t, ctx, `document.querySelector('#past details').open = true`)
	c.emit(event("db1", provision.Converged, "all holds"))
	until(t, ctx, `document.querySelector('#summary .badge').textContent.trim() === 'converged'`)
	if !eval[bool](t, ctx, `document.querySelector('#past details').open && document.querySelectorAll('#past tbody tr').length === 14`) {
		t.Error("the folded installs are not there any more")
	}
	do(t, ctx, chromedp.Click(`#past a[href="/host/db1/install/db1-13"]`))
	until(t, ctx, isLive+` && document.querySelector('h1').textContent === 'db1-13'`)
	eval[bool](t, ctx, `window.sameDocument = true`)
	c.emit(event("db1", provision.Serving, "it serves"))
	until(t, ctx, `document.getElementById('announce').textContent === 'db1: serving'`)
	if !eval[bool](t, ctx, `window.sameDocument && document.querySelector('#summary .badge').textContent.trim() === 'failed in installer'`) {
		t.Error("the earlier install changed with the latest one")
	}
	do(t, ctx, chromedp.Click(`#tail a`))
	until(t, ctx, isLive+` && document.querySelector('h1').textContent === 'Log of db1-13'`)
	if !eval[bool](t, ctx, `document.querySelector('#log pre').textContent.endsWith('Cannot download repomd.xml\n')`) {
		t.Error("the log lacks its end")
	}
	do(t, ctx, chromedp.Click(`.crumbs a[href="/host/db1"]`))
	until(t, ctx, isLive+` && document.querySelector('h1').textContent === 'db1'`)
	wantNone(t, said())
}
