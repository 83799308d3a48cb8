package web_test

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/why"
)

// why is what the journal says of a host after a time in which nothing more comes.
func (r *testServer) why(host string, later time.Duration) *provision.Stuck {
	r.t.Helper()
	events, err := r.journal.Events(r.t.Context(), host, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	links, err := r.journal.Events(r.t.Context(), "", 0)
	if err != nil {
		r.t.Fatal(err)
	}
	in, _ := r.journal.Install(host)
	return why.Diagnose(why.Case{Host: r.snap.Hosts[host], Install: in, Events: events, Links: links}, r.journal.Counted().Add(later))
}

// found fails the test if a diagnosis is not of a rule, or lacks a text.
func (r *testServer) found(got *provision.Stuck, rule string, texts ...string) {
	r.t.Helper()
	if got == nil || got.Rule != rule {
		r.t.Fatalf("%+v, want %s", got, rule)
	}
	all := got.Cause() + " " + got.Remedy.Text + " " + got.Remedy.Command
	for _, text := range texts {
		if !strings.Contains(all, text) {
			r.t.Errorf("%s lacks %q: %s", rule, text, all)
		}
	}
}

// TestDiagnosedRefusals: what this server refuses is why a box gets no further, in the
// refusal's own words. A stranger's refusal is of no consequence to a box that gets on.
func TestDiagnosedRefusals(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	if got := r.why("web1", 90*time.Second); got != nil {
		t.Errorf("nothing was refused: %+v", got)
	}
	headers := map[string]string{"X-RHN-Provisioning-MAC-0": "eno1 52:54:00:00:00:99"}
	r.want(r.askWith("10.77.0.11", "/i/"+token+"/ks", headers), 403)
	if got := r.why("web1", 30*time.Second); got != nil {
		t.Errorf("it may still get on: %+v", got)
	}
	r.found(r.why("web1", 90*time.Second), "refused", "52:54:00:00:00:99, none of which is that host's", "rackhand set hosts.web1.mac 52:54:00:00:00:99")
	// It gets on: another of its cards asks.
	r.want(r.askWith("10.77.0.11", "/i/"+token+"/ks", nil), 200)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage": "installer", "kind": "started"}`), 204)
	if got := r.why("web1", 90*time.Second); got != nil {
		t.Errorf("it got on: %+v", got)
	}
}

// A box at another address than the appliance gave it gets no script. The refusal names the
// host, so its diagnosis finds it.
func TestDiagnosedElsewhere(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	if err := r.journal.Record(provision.Event{
		Host: "web1", Source: "dhcp", Kind: "ack", Stage: provision.Addressed, Message: "PXE got 10.77.0.11", Fields: map[string]string{"client": "PXE"},
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.journal.Record(provision.Event{Host: "web1", Source: "tftp", Kind: "fetch", Stage: provision.Bootfile, Message: "snponly.efi fetched"}); err != nil {
		t.Fatal(err)
	}
	r.want(r.ask(r.boot, "10.77.0.66", "GET", "/boot/ipxe?mac="+web1MAC, ""), 403)
	r.found(r.why("web1", 80*time.Second), "refused", "10.77.0.66 asked for the boot script of "+web1MAC, "rackhand doctor")
}

// TestDiagnosedConverge: the first resource that failed is the cause, until a run succeeds.
func TestDiagnosedConverge(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	r.arm("web1")
	for _, stage := range []provision.Stage{provision.Installed, provision.Enrolled} {
		if err := r.journal.Record(provision.Event{Host: "web1", Source: "agent", Kind: "x", Stage: stage}); err != nil {
			t.Fatal(err)
		}
	}
	r.want(web1("POST", "/v1/report", `{"status":"failed","results":[{"id":"file[/a]","status":"ok"},{"id":"package[nginx]","status":"failed","message":"apt-get: exit status 100"},{"id":"service[nginx]","status":"skipped"}]}`), 204)
	r.found(r.why("web1", time.Second), "converge", "package[nginx]", "apt-get: exit status 100", "rackhand converge web1")
	r.want(web1("POST", "/v1/report", `{"status":"changed","results":[{"id":"package[nginx]","status":"changed"}]}`), 204)
	if got := r.why("web1", time.Second); got != nil {
		t.Errorf("it was mended: %+v", got)
	}
}
