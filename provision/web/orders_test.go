package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/orders"
)

// TestOrderNeedsCertificate: an agent gets its own orders alone, by its certificate.
func TestOrderNeedsCertificate(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	r.want(r.ask(r.agents, "10.77.0.11", "GET", catalog.OrdersPath, ""), 403)
	api := r.server.API()
	ordered := func(host string) orders.Ordered {
		t.Helper()
		var got []orders.Ordered
		w := r.ask(api, "127.0.0.1", "POST", "/api/converge", `{"hosts": [`+fmt.Sprintf("%q", host)+`], "noop": true}`)
		r.want(w, 200)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got) != 1 {
			t.Fatalf("%s, %v", w.Body, err)
		}
		return got[0]
	}
	for host, why := range map[string]string{"web9": "not in the inventory", "web1": "has never asked for orders", "a\nb": "not in the inventory"} {
		if o := ordered(host); o.Order != nil || !strings.Contains(o.Refused, why) {
			t.Errorf("%q: %+v", host, o)
		}
	}
	done := make(chan string, 1)
	go func() { done <- web1("GET", catalog.OrdersPath+"?last=", "").Body.String() }()
	for !r.options.Orders.Connected("web1") {
		time.Sleep(time.Millisecond)
	}
	o := ordered("web1")
	if o.Order == nil || !o.Connected {
		t.Fatalf("%+v", o)
	}
	if text, want := <-done, fmt.Sprintf("\n{\"id\":%q,\"noop\":true}\n", o.Order.ID); text != want {
		t.Errorf("the agent gets %q, want %q", text, want)
	}
	if again := ordered("web1"); !again.Joined || again.Order.ID != o.Order.ID {
		t.Errorf("the same once more: %+v", again)
	}
	if o := ordered("web2"); o.Order != nil {
		t.Errorf("web2 has an order: %+v", o)
	}
	r.wantEvent("web1", "converge-ordered")
}

// TestReportsOfNoRun: a dry run and a disabled agent don't take the place of the host's
// latest report; what is disabled is shown so until a run is reported.
func TestReportsOfNoRun(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	post := func(v catalog.Report) {
		t.Helper()
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		r.want(web1("POST", "/v1/report", string(b)), 204)
	}
	kept := func() (v catalog.Report) {
		t.Helper()
		k, err := r.server.Reports.Last(t.Context(), "web1")
		if err != nil {
			t.Fatal(err)
		}
		return k.Report
	}
	notes := func() string {
		return strings.Join(r.journal.Hosts()["web1"].Agent.Notes(r.clock()), "; ")
	}
	post(catalog.Report{Status: catalog.OK, Version: "v1", Results: []catalog.Result{{ID: "service[web]", Status: catalog.Pending, Pending: "restart pending until Sat 5 Dec 02:00 CET"}}})
	if got := notes(); got != "service[web]: restart pending until Sat 5 Dec 02:00 CET" || r.count("web1", "restart-pending") != 1 {
		t.Errorf("it is shown as %q", got)
	}
	post(catalog.Report{Status: catalog.Changed, Noop: true, Version: "v2"})                 // nobody asked
	post(catalog.Report{Status: catalog.Changed, Noop: true, Order: "other", Version: "v2"}) // of an order that is forgotten
	post(catalog.Report{Status: catalog.Changed, Tags: []string{"site"}, Version: "v3", Results: []catalog.Result{{ID: "file[/a]", Status: catalog.Changed}}})
	post(catalog.Report{Status: catalog.OK, Tags: []string{"site"}, Version: "v3"})
	if got := r.count("web1", "tagged-run"); got != 1 {
		t.Errorf("%d events of runs with tags", got)
	}
	if got := kept(); got.Version != "v1" || r.count("web1", "dry-run") != 1 || r.count("web1", "converged") != 0 {
		t.Errorf("kept: %+v", got)
	}
	if err := r.journal.AgentSilent("web1", func() bool { return true }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		post(catalog.Report{Status: catalog.Failed, Error: "disabled", Disabled: &catalog.Disabled{Reason: "a rebuild" + strings.Repeat("!", 500), Left: 1e12}})
	}
	if got := notes(); !strings.HasPrefix(got, "its agent is disabled until ") || !strings.Contains(got, "because a rebuild!!") || len(got) > 400 || !strings.Contains(got, "restart pending") {
		t.Errorf("it is shown as %q", got)
	}
	until := r.journal.Hosts()["web1"].Agent.Disabled.Until
	if left := until.Sub(r.clock()); left > catalog.MaxDisabled || r.count("web1", "agent-disabled") != 1 || r.count("web1", "agent-silent-ended") != 1 || kept().Version != "v1" {
		t.Errorf("disabled for %s, %d events", left, r.count("web1", "agent-disabled"))
	}
	r.later = catalog.MaxDisabled + time.Hour
	if got := notes(); !strings.Contains(got, "was disabled until") || !strings.Contains(got, "has not reported since") {
		t.Errorf("afterwards it is shown as %q", got)
	}
	r.later = 0
	post(catalog.Report{Status: catalog.Failed, Disabled: &catalog.Disabled{}}) // `rackhand-agent enable`
	if got := notes(); strings.Contains(got, "disabled") || r.count("web1", "agent-disabled-ended") != 1 || kept().Version != "v1" {
		t.Errorf("enabled, it is shown as %q", got)
	}
	post(catalog.Report{Status: catalog.OK, Version: "v1"})
	if notes() != "" || r.count("web1", "agent-disabled-ended") != 1 || r.count("web1", "restart-pending-ended") != 1 {
		t.Errorf("it is still shown as %q", notes())
	}
	if (provision.AgentState{}).WithPending("x", "").Pending != nil {
		t.Error("nothing is pending")
	}
}

// TestOrderIsAnswered: a report with an order's id answers it, whoever waits for that.
func TestOrderIsAnswered(t *testing.T) {
	r := newTestServer(t)
	web1, api := r.enrolled("web1"), r.server.API()
	go web1("GET", catalog.OrdersPath, "")
	for !r.options.Orders.Connected("web1") {
		time.Sleep(time.Millisecond)
	}
	o, _, err := r.options.Orders.Place(t.Context(), "web1", catalog.Order{})
	if err != nil {
		t.Fatal(err)
	}
	r.want(web1("POST", "/v1/report", `{"status":"failed","order":"`+o.ID+`","results":[{"id":"file[/x]","status":"failed","message":"m"}]}`), 204)
	w := r.ask(api, "127.0.0.1", "POST", "/api/orders", fmt.Sprintf(`{"hosts": ["web1", "web2"], "after": %d}`, o.Rev))
	var got orders.ChangesReply
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Orders) != 1 || got.Orders[0].State != orders.Answered || got.Orders[0].Report.ExitCode() != catalog.ExitFailed {
		t.Errorf("%s, %v", w.Body, err)
	}
	r.want(r.ask(api, "127.0.0.1", "POST", "/api/orders", `{"hosts": "`+strings.Repeat("x", 300<<10)+`"}`), 413)
	r.want(r.ask(api, "127.0.0.1", "POST", "/api/converge", `{"hosts": 1}`), 400)
}
