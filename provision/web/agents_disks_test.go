package web_test

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// TestRunsAlready: an installer's last report was lost, and its system serves. What is on
// the disks is no attempt's leftovers any more.
func TestRunsAlready(t *testing.T) {
	for _, tt := range []struct {
		asks string
		code int
	}{{"", 0}, {"GET /v1/time", 200}, {"POST /v1/enrol", 400}} { // it has no key
		speaks := tt.asks != ""
		r, _ := anacondaServer(t)
		r.arm("web1")
		token := r.script(web1MAC, "10.77.0.11")
		for _, e := range []string{`{"stage":"installer"}`, `{"kind":"disks-blank","message":" naa.5000c500a1b2c3d4"}`, `{"stage":"packages"}`} {
			r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", e), 204)
		}
		if method, path, ok := strings.Cut(tt.asks, " "); ok {
			r.want(r.ask(r.agents, "10.77.0.11", method, path, `{"host":"web1"}`), tt.code)
		}
		in, _ := r.journal.Install("web1")
		if got := in.OverwritableDisks(web1MAC, in.InstallerHeard.Add(time.Minute), in.InstallerHeardWall.Add(time.Minute)); (got == "") != speaks || in.Stage != provision.Packages {
			t.Errorf("an agent speaks: %v, at %s: %q", speaks, in.Stage, got)
		}
		if (in.Doubt != "") != speaks {
			t.Errorf("an agent speaks: %v, and the operator is asked: %q", speaks, in.Doubt)
		}
		events, err := r.journal.Events(t.Context(), "web1", 1)
		if err != nil || strings.Contains(events[0].Kind, "runs-already") != speaks {
			t.Errorf("%v %+v", err, events)
		}
	}
}

// TestRunsAlreadyIsAsked: a box whose disk boots a system that speaks is not handed its
// installer again, though its attempt has failed.
func TestRunsAlreadyIsAsked(t *testing.T) {
	r, _ := anacondaServer(t)
	r.arm("web1") // three attempts
	token := r.script(web1MAC, "10.77.0.11")
	for _, e := range []string{`{"stage":"installer"}`, `{"stage":"packages"}`, `{"kind":"attempt-failed"}`} {
		r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", e), 204)
	}
	for range 3 {
		r.want(r.ask(r.agents, "10.77.0.11", "GET", "/v1/time", ""), 200)
	}
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	if w.Code != 200 || strings.Contains(w.Body.String(), "inst.ks") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	events, err := r.journal.Events(t.Context(), "web1", 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range events {
		if e.Kind == "runs-already" {
			n++
		}
	}
	if in, _ := r.journal.Install("web1"); n != 1 || !strings.Contains(in.Doubt, "an agent of this host speaks") || in.Stage.Ended() {
		t.Errorf("told %d times: %+v", n, in)
	}
}
