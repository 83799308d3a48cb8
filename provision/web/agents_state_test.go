package web_test

import (
	"testing"

	"rackhand/provision"
)

// TestAgentState: a serving host that reports "ok" on a kept catalog, with a wrong clock or
// with warnings is not plain; the journal says once when that begins and when it ends, also
// across a restart of the appliance.
func TestAgentState(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	r.arm("web1")
	if _, err := r.journal.Update("web1", "", func(in provision.Install) (provision.Install, provision.Event, error) {
		return in, provision.Event{Source: "check", Kind: "serving", Stage: provision.Serving, Message: "x"}, nil
	}); err != nil {
		t.Fatal(err)
	}
	state := func() provision.AgentState { return r.journal.Hosts()["web1"].Agent }
	counts := func(when string, kept, fresh, differs, agrees, warns, quiet int) {
		t.Helper()
		for kind, want := range map[string]int{
			"kept-catalog": kept, "kept-catalog-ended": fresh, "clock-differs": differs, "clock-differs-ended": agrees, "agent-warns": warns, "agent-warns-ended": quiet,
		} {
			if n := r.count("web1", kind); n != want {
				t.Errorf("%s: %d events %s, want %d", when, n, kind, want)
			}
		}
	}
	post := func(text string) {
		t.Helper()
		r.want(web1("POST", "/v1/report", text), 204)
	}
	const kept = `{"status":"ok","catalog_fetched":"2026-01-01T00:00:00Z","catalog_age":10900,"clock_ahead":-7.5,"warnings":["its state was lost"]}`
	post(`{"status":"ok"}`)
	counts("plain", 0, 0, 0, 0, 0, 0)
	for range 3 {
		post(kept)
		r.restarted()
	}
	counts("kept", 1, 0, 1, 0, 1, 0)
	notes := state().Notes(r.clock())
	if len(notes) != 3 || notes[0] != "kept catalog, 3 h old" || notes[1] != "clock 7 s behind" || notes[2] != "the agent warns: its state was lost" {
		t.Errorf("it is shown as %q", notes)
	}
	post(`{"status":"changed","clock_ahead":3,"catalog_fetched":"2026-01-01T00:00:00Z"}`) // of an agent that tells no age
	counts("changed", 1, 0, 1, 0, 1, 1)
	if e, err := r.journal.Events(t.Context(), "web1", 1); err != nil || e[0].Message != "everything of the catalog kept on the host holds: 0 resources changed, 0 held already, in 0s" || state().ClockAhead != 3 || state().CatalogFetched.Year() != 2026 {
		t.Errorf("%v %+v %+v", err, e, state())
	}
	post(`{"status":"ok"}`)
	post(`{"status":"ok"}`)
	counts("plain again", 1, 1, 1, 1, 1, 1)
	if !state().Plain() {
		t.Errorf("it is %+v", state())
	}

	// What goes from its disks says nothing of what comes there.
	post(kept)
	r.arm("web1")
	if state().Plain() {
		t.Error("an arming alone has changed what its agent said")
	}
	token := r.script(web1MAC, "10.77.0.11")
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 200)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer"}`), 204)
	if !state().Plain() {
		t.Errorf("installed anew, it is still %+v", state())
	}
}
