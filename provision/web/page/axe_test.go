//go:build e2e

package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeScript reads axe-core, which `.ci/axe DIR` fetches.
func axeScript(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(os.Getenv("RACKHAND_PEERS"), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("this test needs axe-core: `.ci/axe DIR` fetches it, and RACKHAND_PEERS names DIR: %v", err)
	}
	return string(b)
}

// allRules are those of WCAG 2.2 A and AA and the best practices; colourRules those that
// another colour scheme can change.
const (
	allRules    = `{type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice', 'section508', 'EN-301-549']}`
	colourRules = `{type: 'rule', values: ['color-contrast', 'link-in-text-block']}`
)

// runAxe returns a line for each violation, and for each check that axe could not decide but
// those of colours, which TestContrast computes.
const runAxe = `axe.run(document, {runOnly: RULES, resultTypes: ['violations', 'incomplete']}).then((r) => JSON.stringify({
	run: [r.passes, r.inapplicable, r.violations, r.incomplete].flat().map((p) => p.id),
	found: [...r.violations, ...r.incomplete.filter((x) => x.id !== 'color-contrast')].flatMap((v) =>
		v.nodes.map((n) => v.id + ' (' + v.impact + '): ' + n.html.slice(0, 200) + ' :: ' + n.failureSummary)),
}))`

// smallTargets lists what is smaller to hit than 24 pixels each way (WCAG 2.2, 2.5.8),
// without the exceptions that axe makes for spacing and for links in a sentence.
const smallTargets = `[...document.querySelectorAll('a, button, summary, input, select')].filter((e) => e.checkVisibility() && !e.matches('.skip')).flatMap((e) => {
	const r = e.getBoundingClientRect();
	return r.width < 23.95 || r.height < 23.95 ? [e.outerHTML.slice(0, 120) + ' is ' + r.width.toFixed(1) + ' x ' + r.height.toFixed(1)] : [];
})`

// axe reports what axe-core finds on the page that is open.
func axe(t *testing.T, ctx context.Context, script, rules, name string) {
	t.Helper()
	if !eval[bool](t, ctx, "typeof window.axe === 'object'") {
		// The developer tools' protocol evaluates it: the page's policy stays as it is.
		eval[bool](t, ctx, script+"\n;true")
	}
	yes := true
	r, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: strings.Replace(runAxe, "RULES", rules, 1), AwaitPromise: &yes, ReturnByValue: &yes})
	if err != nil {
		t.Fatal(err)
	}
	if r.ExceptionDetails != nil {
		t.Fatalf("%s: axe-core ended with %v", name, r.ExceptionDetails)
	}
	var text string
	var got struct{ Run, Found []string }
	if err := errors.Join(json.Unmarshal([]byte(r.Result.Value), &text), json.Unmarshal([]byte(text), &got)); err != nil {
		t.Fatalf("%s: axe-core answered %s: %v", name, r.Result.Value, err)
	}
	want := []string{"color-contrast", "link-in-text-block"}
	if rules == allRules {
		want = append(want, "target-size", "region", "heading-order", "landmark-one-main")
	}
	for _, rule := range want {
		if !slices.Contains(got.Run, rule) {
			t.Errorf("%s: the rule %s was not run", name, rule)
		}
	}
	for _, v := range got.Found {
		t.Errorf("%s: %s", name, v)
	}
}

// TestAxe: axe-core finds nothing on any page in light and dark, on a desk and at 360 pixels,
// and all that can be hit is large enough.
func TestAxe(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := chronicled(now)
	c.setProblems("inventory/hosts.yaml:14:5: unknown key \"adress\"")
	calm, links := newSite(t, rack(now), time.Now), newSite(t, troubled(now), time.Now)
	trouble, empty := newSite(t, c, time.Now), newSite(t, newFake(), time.Now)
	faulty := newFake()
	faulty.audited(now)
	audited := newSite(t, faulty, time.Now)
	script := axeScript(t)
	ctx := chromium(t)
	for _, p := range []struct {
		what string
		site *site
		path string
	}{
		{"the overview without hosts", empty, "/"},
		{"runs without hosts", empty, "/runs"},
		{"BMCs without an audit", empty, "/bmc"},
		{"BMCs", audited, "/bmc"},
		{"the overview", calm, "/"},
		{"a filter without hosts", calm, "/?q=nomatch"},
		{"the overview with hosts that failed and are stuck", trouble, "/"},
		{"the overview with a finding about a link", links, "/"},
		{"runs", calm, "/runs"},
		{"a host that serves", calm, "/host/web1"},
		{"one with a report", calm, "/host/web2"},
		{"over budget", calm, "/host/build1"},
		{"under way", calm, "/host/web3"},
		{"booted again in the middle", trouble, "/host/web3"},
		{"stuck", trouble, "/host/web10"},
		{"stuck with others", trouble, "/host/cache1"},
		{"failed", trouble, "/host/db2"},
		{"with earlier installs", trouble, "/host/db1"},
		{"an earlier install", trouble, "/host/db1/install/db1-13"},
		{"a job", trouble, "/host/db1/install/db1-wipe-1"},
		{"a log", trouble, "/host/db1/install/db1-13/log"},
		{"never installed", calm, "/host/spare1"},
		{"unclaimed", calm, "/host/3c:ec:ef:10:20:31"},
		{"no such host", calm, "/host/nobody"},
		{"no such page", calm, "/no/such/page"},
	} {
		open(t, ctx, p.site.url(p.path))
		eval[bool](t, ctx, `document.querySelectorAll('details').forEach((d) => { d.open = true; }), true`)
		for _, width := range []int64{360, 1280} {
			do(t, ctx, chromedp.EmulateViewport(width, 800))
			name := fmt.Sprintf("%s, %s, %d pixels", p.what, p.path, width)
			prefer(t, ctx, "light")
			axe(t, ctx, script, allRules, name+", light")
			if small := eval[[]string](t, ctx, smallTargets); len(small) > 0 {
				t.Errorf("%s: too small to hit:\n%s", name, strings.Join(small, "\n"))
			}
		}
		prefer(t, ctx, "dark")
		axe(t, ctx, script, colourRules, fmt.Sprintf("%s, %s, dark", p.what, p.path))
	}
}
