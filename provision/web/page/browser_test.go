//go:build e2e

package page_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"rackhand/provision"
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

// wantNone fails the test if the console has complained.
func wantNone(t *testing.T, complaints []string) {
	t.Helper()
	if len(complaints) > 0 {
		t.Errorf("the console says: %s", strings.Join(complaints, "\n"))
	}
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
	wantNone(t, said())
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
	wantNone(t, said())
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
	for _, want := range []string{"web10", "spare1", "3c:ec:ef:10:20:31", "Supermicro", "rackhand claim 3c:ec:ef:10:20:31 NAME --group GROUP", "UTC"} {
		if !strings.Contains(text, want) {
			t.Errorf("without JavaScript the page of all hosts lacks %q", want)
		}
	}
}
