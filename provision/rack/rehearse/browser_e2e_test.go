//go:build e2e

package rehearse_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A browser is a headless Chromium that looks at the status page.
type browser struct{ ctx context.Context }

// browse opens the page and marks the document, so that a reload would be seen.
func browse(t *testing.T, url string) *browser {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	alloc, stopAlloc := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stopAlloc)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(stop)
	if err := chromedp.Run(ctx, chromedp.Navigate(url), chromedp.WaitReady("body"), chromedp.Evaluate("window.sameDocument = true", nil)); err != nil {
		t.Fatalf("the status page in Chromium: %v; install chromium", err)
	}
	return &browser{ctx: ctx}
}

// wait waits until the page's row of a host shows a stage or a later text; the
// page must get there by itself.
func (b *browser) wait(t *testing.T, host, stage string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var text string
	err := chromedp.Run(ctx, chromedp.PollFunction(`(host, stage) => {
		const order = ["requested","powered","addressed","bootfile","script","kernel","installer","packages","installed","booted","enrolled","converging","converged","serving"];
		for (const row of document.querySelectorAll("tr, li, article")) {
			const t = row.innerText.toLowerCase();
			if (t.includes(host) && order.slice(order.indexOf(stage)).some(s => t.includes(s))) return t;
		}
		return null;
	}`, &text, chromedp.WithPollingArgs(host, stage), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		t.Fatalf("waiting for the page to show %s at %s: %v", host, stage, err)
	}
	t.Log(fmt.Sprintf("the page shows %q", strings.Join(strings.Fields(text), " ")))
}

// sameDocument fails when the page was loaded anew.
func (b *browser) sameDocument(t *testing.T) {
	t.Helper()
	var same bool
	if err := chromedp.Run(b.ctx, chromedp.Evaluate("window.sameDocument === true", &same)); err != nil {
		t.Fatal(err)
	}
	if !same {
		t.Error("the page was reloaded")
	}
}
