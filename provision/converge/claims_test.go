package converge

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/facts"
)

// takenFacts are what a fake appliance has of facts.
type takenFacts struct {
	bodies []string // each that came
	last   string   // what it has now
}

func (f *takenFacts) put(w http.ResponseWriter, r *http.Request, body []byte) {
	if _, err := catalog.DecodeFacts(body); err != nil || r.Method != http.MethodPut {
		http.Error(w, "garbage", http.StatusBadRequest)
		return
	}
	f.bodies, f.last = append(f.bodies, string(body)), string(body)
	w.WriteHeader(http.StatusNoContent)
}

func (f *takenFacts) ask(w http.ResponseWriter, r *http.Request) {
	if has := r.Header.Get(catalog.HeaderFacts); f != nil && has != "" && has != catalog.FactsSum([]byte(f.last)) {
		w.Header().Set(catalog.HeaderFacts, catalog.FactsWanted)
	}
}

// newFactsHost is a host with facts that the test sets, and an appliance that takes them.
func newFactsHost(t *testing.T) (*testHost, *facts.Facts) {
	t.Helper()
	r := newTestHost(t)
	r.app.facts = &takenFacts{}
	now := &facts.Facts{OS: &facts.OS{ID: "debian"}}
	r.has(now)
	return r, now
}

func (r *testHost) has(now *facts.Facts) {
	r.Facts = func(context.Context) facts.Facts { return *now }
}

// TestFactsAreSent: facts go to the appliance before the catalog is asked for, and once more
// only when they change, also in another process.
func TestFactsAreSent(t *testing.T) {
	r, now := newFactsHost(t)
	var order []string
	r.app.asked = func(path string) {
		if path == catalog.FactsPath || path == catalogPath {
			order = append(order, path)
		}
	}
	r.once(catalog.Changed)
	if got := strings.Join(order, " "); got != "/v1/facts /v1/catalog" {
		t.Error(got)
	}
	r.once(catalog.OK)
	r.restart()
	r.has(now)
	r.once(catalog.OK)
	if n := len(r.app.facts.bodies); n != 1 {
		t.Errorf("sent %d times", n)
	}
	now.OS = &facts.OS{ID: "rocky"}
	r.once(catalog.OK)
	if n := len(r.app.facts.bodies); n != 2 || !strings.Contains(r.app.facts.last, "rocky") {
		t.Errorf("sent %d times: %s", n, r.app.facts.last)
	}
	// A dry run tells them, too, and keeps nothing of that.
	now.OS = &facts.OS{ID: "alma"}
	if _, err := r.Once(t.Context(), true); err != nil || !strings.Contains(r.app.facts.last, "alma") {
		t.Errorf("%v, %s", err, r.app.facts.last)
	}
}

// TestFactsAreWanted: an appliance that has lost the facts asks for them, and the run uses the
// catalog that they make.
func TestFactsAreWanted(t *testing.T) {
	r, _ := newFactsHost(t)
	r.once(catalog.Changed)
	r.app.facts.last = ""
	r.app.asked = func(path string) {
		if path == catalog.FactsPath {
			r.app.catalog = catalog.Catalog{Host: "web1", Version: "v2", Resources: []catalog.Resource{file("/etc/motd", "by facts\n")}}
		}
	}
	r.once(catalog.Changed)
	if got := r.read("root/etc/motd"); got != "by facts\n" || len(r.app.facts.bodies) != 2 || r.app.calls[catalogPath] != 3 {
		t.Errorf("%q, sent %d times, %d catalogs", got, len(r.app.facts.bodies), r.app.calls[catalogPath])
	}
	r.once(catalog.OK)
	if len(r.app.facts.bodies) != 2 || r.app.calls[catalogPath] != 4 {
		t.Errorf("then: sent %d times, %d catalogs", len(r.app.facts.bodies), r.app.calls[catalogPath])
	}
}

// TestCatalogNeedsFacts: an appliance that can make no catalog of the facts that it has gets
// those of now in the same run.
func TestCatalogNeedsFacts(t *testing.T) {
	r, _ := newFactsHost(t)
	r.once(catalog.Changed)
	r.app.facts.last = "{}"
	r.app.fail[catalogPath] = http.StatusServiceUnavailable
	r.app.asked = func(path string) {
		if path == catalog.FactsPath {
			delete(r.app.fail, catalogPath)
			r.app.catalog = catalog.Catalog{Host: "web1", Version: "v2", Resources: []catalog.Resource{file("/etc/motd", "by facts\n")}}
		}
	}
	r.once(catalog.Changed)
	if got := r.read("root/etc/motd"); got != "by facts\n" {
		t.Errorf("%q", got)
	}
}

// TestFactsNotTaken: whatever the appliance answers, the run goes on.
func TestFactsNotTaken(t *testing.T) {
	for status, c := range map[int]struct {
		tries int // in three runs
		warns bool
	}{
		http.StatusNotFound:           {1, false}, // an older appliance
		http.StatusServiceUnavailable: {3, false},
		http.StatusTooManyRequests:    {3, false},
		http.StatusBadRequest:         {1, true},
	} {
		r, _ := newFactsHost(t)
		if r.app.fail[catalog.FactsPath] = status; status == http.StatusNotFound {
			r.app.facts = nil
		} else {
			r.app.facts.last = "{}"
		}
		r.once(catalog.Changed)
		ask := r.app.facts
		r.app.facts = nil // it doesn't ask
		r.once(catalog.OK)
		r.once(catalog.OK)
		if got := r.app.calls[catalog.FactsPath]; got < c.tries || got > c.tries+1 {
			t.Errorf("%d: %d tries, want %d", status, got, c.tries)
		}
		if got := len(r.app.reports[0].Warnings) > 0; got != c.warns {
			t.Errorf("%d: warnings %q", status, r.app.reports[0].Warnings)
		}
		if ask == nil {
			ask = &takenFacts{}
		}
		r.app.facts, r.app.fail = ask, map[string]int{} // and is upgraded, or well again
		r.once(catalog.OK)
		if len(ask.bodies) != 1 {
			t.Errorf("%d: sent %d times in the end", status, len(ask.bodies))
		}
	}
}

// TestOldAgentSendsNone: an agent without facts asks as agents from before do.
func TestOldAgentSendsNone(t *testing.T) {
	r, _ := newFactsHost(t)
	r.Facts = nil
	r.once(catalog.Changed)
	if r.app.calls[catalog.FactsPath] != 0 {
		t.Error("it sent facts")
	}
}

// TestOwnFacts: what the operator's programs say stands below custom; values that the
// appliance would refuse cost the host its own facts alone.
func TestOwnFacts(t *testing.T) {
	r, now := newFactsHost(t)
	r.write("root/etc/rackhand/facts.d/site.json", `{"room": 4}`)
	r.write("root/etc/rackhand/facts.d/bad.json", `{`)
	got := GatherFacts(t.Context(), r.root)
	if string(got.Custom["site"]) != `{"room": 4}` || got.Problems["facts.d/bad.json"] == "" {
		t.Errorf("%s, %v", got.Custom, got.Problems)
	}
	got.OS = now.OS
	r.has(&got)
	r.once(catalog.Changed)
	var sent struct {
		Custom map[string]map[string]int `json:"custom"`
	}
	if err := json.Unmarshal([]byte(r.app.facts.last), &sent); err != nil || sent.Custom["site"]["room"] != 4 {
		t.Errorf("%v, %s", err, r.app.facts.last)
	}
	many := json.RawMessage("[" + strings.Repeat("1,", 4000) + "1]")
	*now = got.With(map[string]json.RawMessage{"a": many, "b": many, "c": many}, nil)
	r.has(now)
	r.once(catalog.OK)
	if !strings.Contains(r.app.facts.last, "more than 8000 values") || !strings.Contains(r.app.facts.last, "debian") {
		t.Errorf("%.300s", r.app.facts.last)
	}
}
