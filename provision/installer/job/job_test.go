package job

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// A fakeAppliance is an appliance that answers each path with statuses, one after the
// other, the last one forever.
type fakeAppliance struct {
	mu     sync.Mutex
	status map[string][]int
	got    []string // METHOD path body
}

func (a *fakeAppliance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, r.Method+" "+r.URL.Path+" "+string(body))
	list := a.status[r.URL.Path]
	if len(list) == 0 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if len(list) > 1 {
		a.status[r.URL.Path] = list[1:]
	}
	w.WriteHeader(list[0])
}

func jobMachine(t *testing.T, status map[string][]int) (*Runner, *fakeAppliance, string) {
	t.Helper()
	a := &fakeAppliance{status: status}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	clk := &fake.Clock{Time: time.Unix(0, 0)}
	clean := func(s string) string { return s }
	m := &Runner{Clk: clk, Client: srv.Client(), Log: report.Log{Con: report.NewConsole(clk.Now, clean), Rep: report.NewReporter(srv.URL+"/i/T/event", srv.Client(), clk, clean, fake.NoLog)}}
	return m, a, srv.URL
}

func TestUnwanted(t *testing.T) {
	for name, c := range map[string]struct {
		status []int
		want   bool
	}{
		"wanted":           {[]int{204}, false},
		"cancelled":        {[]int{403}, true},
		"being restarted":  {[]int{503}, false},
		"another program":  {[]int{404}, false},
		"a broken network": {nil, false},
	} {
		m, _, url := jobMachine(t, map[string][]int{"/i/T/alive": c.status})
		if name == "a broken network" {
			url = "http://127.0.0.1:1"
		}
		if got := m.cancelled(t.Context(), siblingURL(url+"/i/T/event", "alive")); got != c.want {
			t.Errorf("%s: unwanted %v", name, got)
		}
	}
}

// TestWatchCancels: the appliance that says no ends a job; one that is away does not.
func TestWatchCancels(t *testing.T) {
	m, a, url := jobMachine(t, map[string][]int{"/alive": {204, 503, 503, 204, 403}})
	ctx, cancel := context.WithCancelCause(t.Context())
	m.watch(ctx, cancel, url+"/alive")
	if !errors.Is(context.Cause(ctx), errCancelled) || len(a.got) != 5 {
		t.Errorf("%v after %q", context.Cause(ctx), a.got)
	}
}

func TestPostReport(t *testing.T) {
	for name, c := range map[string]struct {
		status []int
		asked  int
		bad    string
	}{
		"kept":            {[]int{204}, 1, ""},
		"kept in the end": {[]int{503, 500, 204}, 3, ""},
		"refused":         {[]int{403}, 1, "answers 403"},
		"never kept":      {[]int{503}, 20, "answers 503"},
	} {
		m, a, url := jobMachine(t, map[string][]int{"/report": c.status})
		err := m.postReport(t.Context(), url+"/report", map[string]int{"disks": 2})
		if (err != nil) != (c.bad != "") || err != nil && !strings.Contains(err.Error(), c.bad) || len(a.got) != c.asked {
			t.Errorf("%s: %v after %d requests", name, err, len(a.got))
		}
		if a.got[0] != `POST /report {"disks":2}` {
			t.Errorf("%s: it posts %s", name, a.got[0])
		}
	}
}

// TestWipeCancelledInGrace: a wipe that was cancelled while its disks were named has
// opened none.
func TestWipeCancelledInGrace(t *testing.T) {
	m, a, url := jobMachine(t, map[string][]int{"/alive": {403}, "/i/T/event": {204}})
	m.Rep.Start(t.Context())
	_, err := m.wipe(t.Context(), order{Job: wipeJob, alive: url + "/alive"}, []plan.Disk{{Name: "none-such-disk", Size: 1 << 30}}, func(any) error {
		t.Error("a report of a wipe that was cancelled")
		return nil
	})
	if !errors.Is(err, errCancelled) {
		t.Errorf("%v", err)
	}
	if err := m.Rep.Last(t.Context(), report.Event{Kind: "end"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(a.got, "\n"); !strings.Contains(said, `"kind":"wipe-disks"`) || !strings.Contains(said, "none-such-disk") {
		t.Errorf("it said %s", said)
	}
}

// TestWipeFails: a disk that can't be opened is reported, and fails the wipe.
func TestWipeFails(t *testing.T) {
	m, _, url := jobMachine(t, map[string][]int{"/alive": {204}})
	var kept any
	_, err := m.wipe(t.Context(), order{Job: wipeJob, alive: url + "/alive"}, []plan.Disk{{Name: "none-such-disk", Serial: "S1", Size: 1 << 30}}, func(v any) error {
		kept = v
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "serial S1) was NOT erased") || kept == nil {
		t.Errorf("%v; report %v", err, kept)
	}
}

func FuzzReadOrder(f *testing.F) {
	f.Add([]byte(`{"job":"wipe","disks":["sda"]}`), "wipe")
	f.Add([]byte(`{"job":"rescue","keys":["ssh-ed25519 AAAA"]}`), "rescue")
	f.Add([]byte(`{"job":["wipe"]}`), "wipe")
	f.Fuzz(func(t *testing.T, text []byte, job string) {
		o, err := readOrder(text, job)
		if err == nil && (o.Job != job || job != rescueJob && job != wipeJob && job != burninJob) {
			t.Errorf("%q for %q is taken as %+v", text, job, o)
		}
	})
}
