package converge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// TestDisabled: a disabled agent makes no runs but dry ones, tells the appliance at once and
// at each turn, and goes on when it is enabled or the time has passed.
func TestDisabled(t *testing.T) {
	r := newRig(t)
	r.once(catalog.Changed)
	r.write("root/etc/motd", "drifted")
	if told, err := r.Disable(t.Context(), "the array is being rebuilt", r.clock.now.Add(2*time.Hour)); told != nil || err != nil {
		t.Fatal(told, err)
	}
	reports := func() (disabled, others int) {
		for _, x := range r.app.reports[1:] {
			if x.Disabled == nil {
				others++
			} else if disabled++; x.Disabled.Reason != "the array is being rebuilt" || x.Status != catalog.Failed || x.Disabled.Left <= 0 || x.Disabled.Left > 7200 {
				t.Errorf("reported %+v, %+v", x, x.Disabled)
			}
		}
		return disabled, others
	}
	r.restart()
	status, err := r.Once(t.Context(), false)
	var disabled *DisabledError
	if status != catalog.Failed || !errors.As(err, &disabled) || !strings.Contains(err.Error(), "because: the array is being rebuilt") {
		t.Errorf("%s, %v", status, err)
	}
	if status, err := r.Once(t.Context(), true); status != catalog.Changed || err != nil || r.read("root/etc/motd") != "drifted" {
		t.Errorf("a dry run: %s, %v", status, err)
	}
	if d, o := reports(); d != 2 || o != 0 {
		t.Errorf("%d reports that it is disabled, %d others", d, o)
	}
	if was, told, err := r.Enable(t.Context()); !was || told != nil || err != nil {
		t.Error(was, told, err)
	}
	if last := r.app.reports[len(r.app.reports)-1]; last.Disabled == nil || last.Disabled.Left != 0 || last.Error != "" {
		t.Errorf("that it is enabled is reported as %+v", last)
	}
	if was, told, err := r.Enable(t.Context()); was || told != nil || err != nil {
		t.Error(was, told, err)
	}
	r.once(catalog.Changed)
}

// TestDisabledDaemon: a daemon that is disabled waits for the end of that, not for longer.
func TestDisabledDaemon(t *testing.T) {
	r := newRig(t)
	r.once(catalog.Changed)
	if _, err := r.Disable(t.Context(), "x", r.clock.now.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.Sleep = func(_ context.Context, d time.Duration) error {
		if d > 10*time.Minute || d < 9*time.Minute {
			t.Errorf("it waits for %s", d)
		}
		cancel()
		return context.Canceled
	}
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestDisabledByTime: in the boot in which it was disabled no step of the clock matters; in
// a later one the clock tells, and never more than was meant.
func TestDisabledByTime(t *testing.T) {
	for _, tt := range []struct {
		name string
		step time.Duration // of the clock
		up   time.Duration // since it was disabled
		boot string
		want time.Duration // that is left; 0: it is over
	}{
		{"at once", 0, 0, "one", 2 * time.Hour},
		{"an hour later", time.Hour, time.Hour, "one", time.Hour},
		{"later", 2 * time.Hour, 2 * time.Hour, "one", 0},
		{"a step forward", 24 * time.Hour, time.Minute, "one", 119 * time.Minute},
		{"a step back", -24 * time.Hour, time.Minute, "one", 119 * time.Minute},
		{"over after a step back", -24 * time.Hour, 3 * time.Hour, "one", 0},
		{"another boot", time.Hour, time.Minute, "two", time.Hour},
		{"another boot, over", 3 * time.Hour, time.Minute, "two", 0},
		{"another boot with a clock of 1970", -50 * 365 * 24 * time.Hour, time.Minute, "two", 2 * time.Hour},
	} {
		r := newRig(t)
		at, up := r.clock.now, r.up
		if _, err := r.Disable(t.Context(), "x", at.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		r.clock.now, r.up, r.boot = at.Add(tt.step), up+tt.up, tt.boot
		r.restart()
		d := r.disabled()
		if (d == nil) != (tt.want == 0) || d != nil && (seconds(d.Left) != tt.want || !d.Until.Equal(r.clock.now.Add(tt.want))) {
			t.Errorf("%s: %+v, want %s", tt.name, d, tt.want)
		}
	}
	r := newRig(t)
	r.write("root/var/lib/rackhand-agent/disabled.json", "{")
	if d := r.disabled(); d == nil || !strings.Contains(d.Reason, "rackhand-agent enable") {
		t.Errorf("a damaged file: %+v", d)
	}
}

// TestMaintenanceWindow: outside of the window a service that runs isn't restarted, the
// report says until when, and the restart is made once the window opens. A service that is
// down is started at any time.
func TestMaintenanceWindow(t *testing.T) {
	r := newRig(t) // it is Sunday, 17:00 UTC
	r.synchronised = true
	r.write("units/web", "active\nenabled\n")
	r.write("units/db", "inactive\nenabled\n")
	r.app.catalog.Maintenance = &catalog.Maintenance{Windows: []string{"Sun 18:30-20:00"}, Zone: "Europe/Berlin"}
	want := func(content string) {
		r.app.catalog.Version = content
		r.app.catalog.Resources = []catalog.Resource{
			file("/etc/web.conf", content, "service[web]", "service[db]"), service(catalog.Service{Name: "web", Running: yes()}), service(catalog.Service{Name: "db", Running: yes()}),
		}
	}
	// A host that was never in order serves nobody: it gets there at once.
	want("w")
	r.once(catalog.Changed)
	if r.actions() != "restart start" {
		t.Errorf("at the first run: %s", r.actions())
	}
	want("x")
	r.write("units/db", "inactive\nenabled\n")
	r.log()
	r.once(catalog.Changed)
	last := func() catalog.Report { return r.app.reports[len(r.app.reports)-1] }
	const pending = "restart pending until Sun 22 Nov 18:30 CET"
	if got := last().Results[1]; got.Status != catalog.Pending || got.Pending != pending || got.Message != pending+", since file[/etc/web.conf] changed" {
		t.Errorf("the report says %+v", got)
	}
	if got := last().Results[2]; got.Status != catalog.Changed || got.Pending != "" || r.actions() != "start" {
		t.Errorf("what was down: %+v, %s", got, r.actions())
	}
	// The daemon comes when it opens.
	if pause := r.untilOpen(2 * time.Hour); pause < 30*time.Minute || pause > 31*time.Minute {
		t.Errorf("the next run is in %s", pause)
	}
	for range 2 {
		r.restart()
		r.log()
		r.once(catalog.OK)
		if got := last(); got.Results[1].Status != catalog.Pending || got.ExitCode() != catalog.ExitOK || r.actions() != "" {
			t.Errorf("again: %+v, %s", got, r.actions())
		}
	}
	status, err := r.Status()
	if err != nil || len(status.Pending) != 1 || !status.Opens.Equal(r.clock.now.Add(30*time.Minute)) {
		t.Errorf("status: %+v, %v", status, err)
	}
	r.clock.now, r.up, r.app.now = r.clock.now.Add(31*time.Minute), r.up+31*time.Minute, r.app.now.Add(31*time.Minute)
	r.log()
	r.once(catalog.Changed)
	if r.actions() != "restart" || last().Results[1].Status != catalog.Changed || !r.opens.IsZero() {
		t.Errorf("in the window: %s, %+v", r.actions(), last().Results[1])
	}
	r.log()
	r.once(catalog.OK)
	if r.actions() != "" {
		t.Errorf("once more: %s", r.actions())
	}
}

// TestIgnoreWindow: an order may have a restart made at once; a dry run tells what would
// wait; windows that can't be read are closed.
func TestIgnoreWindow(t *testing.T) {
	r := newRig(t)
	r.write("units/web", "active\nenabled\n")
	r.app.catalog.Resources = []catalog.Resource{file("/etc/web.conf", "x", "service[web]"), service(catalog.Service{Name: "web", Running: yes(), Refresh: catalog.Reload})}
	r.app.catalog.Maintenance = &catalog.Maintenance{Windows: []string{"at full moon"}}
	r.once(catalog.Changed)
	r.log()
	r.write("root/etc/web.conf", "drifted")
	r.app.reports = nil
	r.once(catalog.Changed)
	last := r.app.reports[len(r.app.reports)-1]
	if len(last.Warnings) != 1 || !strings.Contains(last.Warnings[0], "at full moon") || !strings.HasPrefix(last.Results[1].Pending, "reload pending until the agent can read") {
		t.Errorf("%+v", last)
	}
	report, err := r.Make(t.Context(), Demand{Noop: true})
	if err != nil || report.Results[1].Status != catalog.Pending {
		t.Errorf("a dry run: %+v, %v", report.Results, err)
	}
	report, err = r.Make(t.Context(), Demand{Order: "one", IgnoreWindow: true})
	if err != nil || report.Results[1].Status != catalog.Changed || r.actions() != "reload" || len(r.app.reports) != 2 {
		t.Errorf("ordered: %+v, %v, %s", report.Results, err, r.actions())
	}
}

// TestStatus: what the files say, in words and without a change to them.
func TestStatus(t *testing.T) {
	r := newRig(t)
	text := func() string {
		t.Helper()
		s, err := r.Status()
		var b bytes.Buffer
		if err != nil || s.Write(&b, r.clock.now) != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, want := range []string{"last run     none yet", "catalog      none yet", "certificate  none", "no daemon runs", "disabled     no"} {
		if got := text(); !strings.Contains(got, want) {
			t.Errorf("before the first run it lacks %q:\n%s", want, got)
		}
	}
	r.once(catalog.Changed)
	r.noteNext(20 * time.Minute)
	if _, err := r.Disable(t.Context(), "a\u00a0test\u202e", r.clock.now.Add(2*time.Hour)); err == nil {
		t.Error("a reason that turns the text around is taken")
	}
	if _, err := r.Disable(t.Context(), "a test", r.clock.now.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	r.clock.now, r.up = r.clock.now.Add(-24*time.Hour), r.up+5*time.Minute // a step of the clock
	for _, want := range []string{"last run     5 min ago, changed", "next run     in 15 min", "confirmed by the appliance 5 min ago", "disabled     for another 1 h", "because: a test", "certificate  expires in"} {
		if got := text(); !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
}

// TestEnabledMeanwhile: a daemon that waits for orders while it is disabled makes a run soon
// after it is enabled, also when the appliance has ended the answer meanwhile. It takes an
// order for a dry run before.
func TestEnabledMeanwhile(t *testing.T) {
	t.Run("at a beat", func(t *testing.T) { testEnabledMeanwhile(t, "\n") })
	t.Run("after the answer's end", func(t *testing.T) { testEnabledMeanwhile(t, "") })
}

func testEnabledMeanwhile(t *testing.T, then string) {
	r := newRig(t)
	r.rest = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	r.once(catalog.Changed)
	if _, err := r.Disable(t.Context(), "x", r.clock.now.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	r.write("root/etc/motd", "drifted")
	asked := 0
	r.app.gives(func(w http.ResponseWriter, req *http.Request) {
		w.Write([]byte("\n"))
		w.(http.Flusher).Flush()
		switch asked++; asked {
		case 1:
			w.Write([]byte(`{"id":"zero"}`)) // ordered before it was disabled
		case 2:
			if req.URL.Query().Get("last") != "zero" {
				t.Errorf("it asks with %s", req.URL.RawQuery)
			}
			w.Write([]byte(`{"id":"one","noop":true}`))
		case 3:
			if err := removeFile(r.Paths.disabled()); err != nil { // another process enables it
				t.Error(err)
			}
			w.Write([]byte(then))
		default:
			<-req.Context().Done()
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	runs := 0
	r.Orders = true
	r.Sleep = func(asleep context.Context, _ time.Duration) error {
		if runs++; runs == 4 {
			cancel()
		}
		<-asleep.Done()
		return asleep.Err()
	}
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range r.app.reports[2:] {
		got = append(got, fmt.Sprintf("%s%s disabled:%v noop:%v", x.Order, x.Status, x.Disabled != nil, x.Noop))
	}
	if text := strings.Join(got, ", "); text != "failed disabled:true noop:false, zerofailed disabled:true noop:false, onechanged disabled:false noop:true, changed disabled:false noop:false" {
		t.Errorf("reports: %s\n%s", text, r.out)
	}
}
