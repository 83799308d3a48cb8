//go:build e2e

package rehearse_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	if err := open(ctx, url); err != nil {
		t.Fatalf("the status page in Chromium: %v; install chromium", err)
	}
	return &browser{ctx: ctx}
}

func open(ctx context.Context, url string) error {
	if _, err := chromedp.Run(ctx, chromedp.Navigate(url)); err != nil {
		return err
	}
	if _, err := chromedp.Run(ctx, chromedp.WaitReady("body")); err != nil {
		return err
	}
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("window.sameDocument = true"))
	return err
}

// wait waits until the page's row of a host shows a stage or a later text. It doesn't reload
// the page.
func (b *browser) wait(t *testing.T, host, stage string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	script := fmt.Sprintf(`((host, stage) => {
		const order = ["requested","powered","addressed","bootfile","script","kernel","installer","packages","installed","booted","enrolled","converging","converged","serving"];
		for (const row of document.querySelectorAll("tr, li, article")) {
			const t = row.innerText.toLowerCase();
			if (t.includes(host) && order.slice(order.indexOf(stage)).some(s => t.includes(s))) return t;
		}
		return "";
	})(%q, %q)`, host, stage)
	// Asked again and again from here: the page's own policy forbids the eval that
	// chromedp's Poll needs.
	var text string
	var err error
	for err == nil && text == "" {
		if text, err = chromedp.Run(ctx, chromedp.Evaluate[string](script)); text == "" {
			time.Sleep(100 * time.Millisecond)
		}
	}
	if err != nil {
		t.Fatalf("waiting for the page to show %s at %s: %v", host, stage, err)
	}
	t.Logf("the page shows %q", strings.Join(strings.Fields(text), " "))
}

// shots is a folder for pictures of the page as it is in the middle of an install.
var shots = flag.String("shots", "", "write screenshots of the status page into this folder")

// shoot writes a picture of a page of its own, so that the one under test stays.
func (b *browser) shoot(t *testing.T, url, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	ctx, stop := chromedp.NewContext(b.ctx)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1200, 720), chromedp.Navigate(url), chromedp.WaitReady("body")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // until the page's script has connected
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sameDocument fails when the page was loaded again.
func (b *browser) sameDocument(t *testing.T) {
	t.Helper()
	same, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("window.sameDocument === true"))
	if err != nil {
		t.Fatal(err)
	}
	if !same {
		t.Error("the page was reloaded")
	}
}
