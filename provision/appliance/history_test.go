package appliance

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/installlog"
	"rackhand/provision/journal"
	"rackhand/provision/operate"
	"rackhand/provision/web/page"
)

// TestEarlierInstall: the reason of an install that failed, its events and why it failed are
// there for the page while a later one is under way.
func TestEarlierInstall(t *testing.T) {
	r := newReloading(t, "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11}\n")
	r.operator = &operate.Operator{Journal: r.journal, Snapshot: r.holder.Current, Now: r.Clock}
	request := journal.Request{Host: "web1", Source: "operator", Why: "asked for", Expires: time.Hour, Budget: provision.Budget{Attempts: 3, Time: time.Hour}}
	const reason = "the mirror answers 404"
	first, err := r.journal.Arm(request)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []provision.Event{
		{Host: "web1", Source: "dhcp", Kind: "ack", Stage: provision.Addressed, Message: "leased", Fields: map[string]string{"client": "PXE"}},
		{Host: "web1", Source: "installer", Kind: "stopped", Stage: provision.Failed, Level: provision.LevelError, Message: reason},
	} {
		if err := r.journal.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	second, err := r.journal.Arm(request)
	if err != nil {
		t.Fatal(err)
	}
	s := source{r.Appliance}
	past, err := s.History(t.Context(), "web1")
	if err != nil || len(past) != 2 || past[0].ID != second.ID || past[1].ID != first.ID || past[1].Reason != reason {
		t.Fatalf("%v: %+v", err, past)
	}
	if age := time.Since(past[1].Ended); age < 0 || age > time.Minute {
		t.Errorf("it ended %s ago", age)
	}
	why, err := s.Explain(t.Context(), "web1", first.ID)
	if err != nil || why == nil || !strings.Contains(why.Cause(), reason) || len(why.Evidence) == 0 {
		t.Errorf("why it failed: %v, %+v", err, why)
	}
	if why, err := s.Explain(t.Context(), "web1", second.ID); err != nil || why != nil {
		t.Errorf("why the one under way failed: %v, %+v", err, why)
	}
	events, err := s.EventsOf(t.Context(), "web1", first.ID, 100)
	if err != nil || len(events) != 3 || events[2].Message != reason {
		t.Errorf("its events: %v, %+v", err, events)
	}
	r.logs = installlog.New(t.TempDir())
	defer r.logs.Close()
	if err := r.logs.Append(first.ID, "fetching the image\nerror: 404\n"); err != nil {
		t.Fatal(err)
	}
	h, err := page.New(page.Options{Source: s, Log: r.Log, Clock: r.Clock})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/host/web1/install/"+first.ID, nil))
	for _, want := range []string{"failed in addressed", "Why the install failed", reason, "error: 404", ">leased", "href=\"/host/web1/install/" + first.ID + "/log\""} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("its page lacks %q: %d %s", want, w.Code, w.Body)
		}
	}
	if events, err := s.EventsOf(t.Context(), "web1", "web1-9", 100); err != nil || len(events) != 0 {
		t.Errorf("events of an unknown install: %v, %+v", err, events)
	}
}
