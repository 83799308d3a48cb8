package report

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rackhand/provision/installer/fake"
)

func startReporter(t *testing.T, a *fake.Appliance, clk Clock) (*Reporter, *[]string) {
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	var warned []string
	r := NewReporter(srv.URL, srv.Client(), clk, NewRedactor().Clean, func(string, ...any) { warned = append(warned, "x") })
	r.Start(t.Context())
	return r, &warned
}

func TestReporterKeepsOrder(t *testing.T) {
	a := &fake.Appliance{Statuses: []int{204}}
	r, _ := startReporter(t, a, &fake.Clock{})
	r.Send(Event{Stage: "installer", Kind: "started", Message: "from /i/TOKEN/ks"})
	r.Send(Event{Stage: "packages", Kind: "progress"})
	if err := r.Last(t.Context(), Event{Stage: "installed", Kind: "installed"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	var stages []string
	for _, e := range a.Got {
		stages = append(stages, e.Stage)
	}
	if s := strings.Join(stages, " "); s != "installer packages installed" || a.Got[0].Message != "from /i/…/ks" {
		t.Errorf("got %s, %+v", s, a.Got)
	}
}

// A refused event is not sent again, and progress is soon stale.
func TestReporterGoesOn(t *testing.T) {
	a := &fake.Appliance{Statuses: []int{503, 503, 503, 403, 204}}
	r, warned := startReporter(t, a, &fake.Clock{})
	for _, kind := range []string{"progress", "script", "disk"} {
		r.Send(Event{Kind: kind})
	}
	if err := r.Last(t.Context(), Event{Kind: "installed"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if a.Requests != 6 || len(a.Got) != 2 || len(*warned) != 2 {
		t.Errorf("%d requests, %d kept, %d warnings", a.Requests, len(a.Got), len(*warned))
	}
}

// An appliance that is restarted during an install hears what happened meanwhile.
func TestReporterOutlastsARestart(t *testing.T) {
	a := &fake.Appliance{Statuses: append(make503(8), 204)}
	clk := &fake.Clock{}
	r, warned := startReporter(t, a, clk)
	start := clk.Now()
	r.Send(Event{Kind: "warning"})
	r.Send(Event{Kind: "script"})
	if err := r.Last(t.Context(), Event{Kind: "installed"}, 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	if len(a.Got) != 3 || a.Got[0].Kind != "warning" || len(*warned) > 0 {
		t.Errorf("%+v came, %d warnings", a.Got, len(*warned))
	}
	if d := clk.Now().Sub(start); d < 30*time.Second {
		t.Errorf("away for %v only: the test shows nothing", d)
	}
}

// An appliance that is away for good doesn't hold up the end by what is still queued.
func TestReporterEndsWithoutAppliance(t *testing.T) {
	a := &fake.Appliance{Statuses: []int{503}}
	clk := &fake.Clock{}
	r, _ := startReporter(t, a, clk)
	ending := clk.Now().Add(2 * time.Minute)
	r.ending.Store(&ending)
	for range 3 {
		if err := r.Post(t.Context(), Event{Kind: "script"}, clk.Now().Add(eventPatience)); err == nil {
			t.Error("an appliance that is never ready was told")
		}
	}
	if d := clk.Now().Sub(ending); d > time.Minute {
		t.Errorf("tried until %v after the end", d)
	}
	a.Requests = 0
	late := clk.Now().Add(-time.Second)
	r.ending.Store(&late)
	if err := r.Post(t.Context(), Event{Kind: "script"}, clk.Now().Add(eventPatience)); err == nil || a.Requests > 0 {
		t.Errorf("after the end: %v, %d requests", err, a.Requests)
	}
}

func TestReporterLastIsPatient(t *testing.T) {
	a := &fake.Appliance{Statuses: append(make503(20), 204)}
	clk := &fake.Clock{}
	r, _ := startReporter(t, a, clk)
	if err := r.Last(t.Context(), Event{Kind: "installed"}, 10*time.Minute); err != nil || len(a.Got) != 1 {
		t.Errorf("%v, %d kept", err, len(a.Got))
	}

	a = &fake.Appliance{Statuses: []int{503}}
	r, _ = startReporter(t, a, clk)
	start := clk.Now()
	if err := r.Last(t.Context(), Event{Kind: "installed"}, 10*time.Minute); err == nil {
		t.Error("an appliance that is never ready was told")
	}
	if d := clk.Now().Sub(start); d < 9*time.Minute || d > 10*time.Minute {
		t.Errorf("tried for %v, want ten minutes", d)
	}
}

func make503(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 503
	}
	return out
}

func TestReporterWithoutURL(t *testing.T) {
	r := NewReporter("", nil, &fake.Clock{}, NewRedactor().Clean, fake.NoLog)
	r.Start(t.Context())
	r.Send(Event{Kind: "a"})
	if err := r.Last(t.Context(), Event{Kind: "b"}, time.Second); err != nil {
		t.Error(err)
	}
}
