package installer

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// An appliance that answers with each status in turn; the last one stays.
type fakeAppliance struct {
	mu       sync.Mutex
	statuses []int
	got      []Event
	requests int
}

func (a *fakeAppliance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	status := a.statuses[min(a.requests, len(a.statuses)-1)]
	a.requests++
	var e Event
	if err := json.NewDecoder(r.Body).Decode(&e); err == nil && status < 300 {
		a.got = append(a.got, e)
	}
	w.WriteHeader(status)
}

func startReporter(t *testing.T, a *fakeAppliance, clk clock) (*reporter, *[]string) {
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	var warned []string
	r := newReporter(srv.URL, srv.Client(), clk, newRedactor().clean, func(string, ...any) { warned = append(warned, "x") })
	r.start(t.Context())
	return r, &warned
}

func TestReporterKeepsOrder(t *testing.T) {
	a := &fakeAppliance{statuses: []int{204}}
	r, _ := startReporter(t, a, &fakeClock{})
	r.send(Event{Stage: "installer", Kind: "started", Message: "from /i/TOKEN/ks"})
	r.send(Event{Stage: "packages", Kind: "progress"})
	if err := r.last(t.Context(), Event{Stage: "installed", Kind: "installed"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	var stages []string
	for _, e := range a.got {
		stages = append(stages, e.Stage)
	}
	if s := strings.Join(stages, " "); s != "installer packages installed" || a.got[0].Message != "from /i/…/ks" {
		t.Errorf("got %s, %+v", s, a.got)
	}
}

// What is refused is not tried again, and progress is stale soon.
func TestReporterGoesOn(t *testing.T) {
	a := &fakeAppliance{statuses: []int{503, 503, 503, 403, 204}}
	r, warned := startReporter(t, a, &fakeClock{})
	for _, kind := range []string{"progress", "script", "disk"} {
		r.send(Event{Kind: kind})
	}
	if err := r.last(t.Context(), Event{Kind: "installed"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if a.requests != 6 || len(a.got) != 2 || len(*warned) != 2 {
		t.Errorf("%d requests, %d kept, %d warnings", a.requests, len(a.got), len(*warned))
	}
}

// An appliance that is restarted during an install hears what happened meanwhile.
func TestReporterOutlastsARestart(t *testing.T) {
	a := &fakeAppliance{statuses: append(make503(8), 204)}
	clk := &fakeClock{}
	r, warned := startReporter(t, a, clk)
	start := clk.Now()
	r.send(Event{Kind: "warning"})
	r.send(Event{Kind: "script"})
	if err := r.last(t.Context(), Event{Kind: "installed"}, 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	if len(a.got) != 3 || a.got[0].Kind != "warning" || len(*warned) > 0 {
		t.Errorf("%+v came, %d warnings", a.got, len(*warned))
	}
	if d := clk.Now().Sub(start); d < 30*time.Second {
		t.Errorf("away for %v only: the test shows nothing", d)
	}
}

// An appliance that is away for good doesn't hold up the end by what is still queued.
func TestReporterEndsWithoutAppliance(t *testing.T) {
	a := &fakeAppliance{statuses: []int{503}}
	clk := &fakeClock{}
	r, _ := startReporter(t, a, clk)
	ending := clk.Now().Add(2 * time.Minute)
	r.ending.Store(&ending)
	for range 3 {
		if err := r.post(t.Context(), Event{Kind: "script"}, clk.Now().Add(eventPatience)); err == nil {
			t.Error("an appliance that is never ready was told")
		}
	}
	if d := clk.Now().Sub(ending); d > time.Minute {
		t.Errorf("tried until %v after the end", d)
	}
	a.requests = 0
	late := clk.Now().Add(-time.Second)
	r.ending.Store(&late)
	if err := r.post(t.Context(), Event{Kind: "script"}, clk.Now().Add(eventPatience)); err == nil || a.requests > 0 {
		t.Errorf("after the end: %v, %d requests", err, a.requests)
	}
}

func TestReporterLastIsPatient(t *testing.T) {
	a := &fakeAppliance{statuses: append(make503(20), 204)}
	clk := &fakeClock{}
	r, _ := startReporter(t, a, clk)
	if err := r.last(t.Context(), Event{Kind: "installed"}, 10*time.Minute); err != nil || len(a.got) != 1 {
		t.Errorf("%v, %d kept", err, len(a.got))
	}

	a = &fakeAppliance{statuses: []int{503}}
	r, _ = startReporter(t, a, clk)
	start := clk.Now()
	if err := r.last(t.Context(), Event{Kind: "installed"}, 10*time.Minute); err == nil {
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
	r := newReporter("", nil, &fakeClock{}, newRedactor().clean, quiet)
	r.start(t.Context())
	r.send(Event{Kind: "a"})
	if err := r.last(t.Context(), Event{Kind: "b"}, time.Second); err != nil {
		t.Error(err)
	}
}
