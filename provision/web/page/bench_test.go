//go:build bench

package page_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"

	"rackhand/provision"
)

// TestMainThread measures the share of its main thread that a browser needs for 500 hosts, 50
// of which install and report once a second each. The aim is below 30 %.
func TestMainThread(t *testing.T) {
	const seconds = 15
	for _, open := range []bool{false, true} {
		f := big(time.Now(), 500, 50)
		s := newSite(t, f, time.Now)
		ctx := chromium(t)
		do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(s.url("/")))
		until(t, ctx, isLive)
		if open {
			eval[bool](t, ctx, `(() => { for (const g of document.querySelectorAll('.group')) g.open = true; return true; })()`)
		}
		before := busy(t, ctx)
		began := time.Now()
		for n := 0; time.Since(began) < seconds*time.Second; n++ {
			host := fmt.Sprintf("node%d", n%50+1)
			f.setProgress(host, fmt.Sprintf("%d of 980 MB", n/50*10))
			f.emit(provision.Event{Time: time.Now(), Host: host, Source: "installer", Kind: "progress", Message: fmt.Sprintf("%d of 980 MB", n/50*10)})
			time.Sleep(time.Until(began.Add(time.Duration(n+1) * 20 * time.Millisecond)))
		}
		took := time.Since(began).Seconds()
		used := busy(t, ctx) - before
		t.Logf("all groups open: %v; the main thread is busy %.1f %% of the time, with %.1f updates a second", open, 100*used/took, float64(s.fragments.Load())/took)
		last := f.hosts[49].Install.Progress
		until(t, ctx, fmt.Sprintf(`document.querySelector('#host-node50 .detail').textContent === %q`, last)) // it has kept up
	}
}

// busy is the processor time in seconds that the main threads of the browser's renderers have
// used (proc_pid_stat(5); their time in tasks would count what other programs take).
func busy(t *testing.T, ctx context.Context) float64 {
	t.Helper()
	got, err := chromedp.CallBrowser(ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	ticks := 0
	for _, p := range got.ProcessInfo {
		if p.Type != "renderer" {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/stat", p.ID))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
		for _, f := range fields[12:14] { // utime and stime
			n, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			ticks += n
		}
	}
	if ticks == 0 {
		t.Fatal("no renderer has used any time")
	}
	return float64(ticks) / 100 // sysconf(_SC_CLK_TCK) of Linux
}
