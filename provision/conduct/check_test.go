package conduct

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/catalogs"
	"rackhand/provision/reports"
)

// TestOnHost: which report of an agent says that the checks on the host pass, and otherwise
// why not.
func TestOnHost(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	in := provision.Install{Host: "web1", Reached: map[provision.Stage]time.Time{
		provision.Requested: at(0), provision.Installed: at(10), provision.Enrolled: at(11), provision.Converged: at(13),
	}}
	made := &catalogs.Made{Version: "v2", Compiled: &role.Compiled{Catalog: catalog.Catalog{Version: "v1", Checks: []catalog.Check{
		{Exec: &catalog.ExecCheck{Command: []string{"a"}}, Within: 60, Source: "roles/web.yaml:3:5"},
		{Exec: &catalog.ExecCheck{Command: []string{"b"}}, Within: 600, Source: "roles/web.yaml:5:5"},
	}}}}
	result := func(line, status string, seconds float64) catalog.CheckResult {
		return catalog.CheckResult{Check: "exec a", Source: "roles/web.yaml:" + line + ":5", Status: status, Message: "exec a: exit status 1", Seconds: seconds}
	}
	ok := result("3", catalog.OK, 0)
	failed := catalog.Failed
	report := func(minute int, version string, checks ...catalog.CheckResult) reports.Kept {
		k := reports.Kept{Counted: at(minute), Report: catalog.Report{Version: version, Checks: checks}}
		k.SetTotals()
		return k
	}
	short := report(13, "v2", ok, result("5", failed, 60))
	short.Checks = nil
	for name, tt := range map[string]struct {
		report reports.Kept
		agent  string
		within time.Duration
		want   string // "" when the host serves
	}{
		"passed":             {report(13, "v2", ok, ok), "1.2", 0, ""},
		"first format":       {report(13, "v1", ok, ok), "1.2", 0, ""},
		"none":               {reports.Kept{}, "", reportTime, "its agent has not reported the checks on the host yet"},
		"of another system":  {report(9, "v2", ok, ok), "", reportTime, "its agent has not reported the checks on the host yet"},
		"of another catalog": {report(13, "v3", ok, ok), "", reportTime, "its agent has not run the checks of the current catalog yet; it does so within 30m0s, or at once with rackhand converge web1"},
		"an old agent":       {report(13, "v2"), "0.9", 0, "its agent (version 0.9) does not run checks: it needs a newer one"},
		"an older agent":     {report(13, "v1"), "", 0, "its agent does not run checks: it needs a newer one"},
		"one fails":          {report(13, "v2", ok, result("5", failed, 120)), "", 480 * time.Second, "on the host, exec a: exit status 1 (roles/web.yaml:5:5)"},
		"two fail":           {report(13, "v2", result("3", failed, 60), result("5", failed, 120)), "", 480 * time.Second, "(roles/web.yaml:3:5), and 1 more"},
		"it had its time":    {report(13, "v2", result("3", failed, 60), ok), "", 0, "exit status 1 (roles/web.yaml:3:5)"},
		"hostile, long":      {report(13, "v2", ok, result("3", failed, 1e300)), "", 0, "exit status 1"},
		"hostile, never":     {report(13, "v2", ok, result("3", failed, -1e300)), "", 60 * time.Second, "exit status 1"},
		"of a short report":  {short, "", 0, "1 of 2 checks on the host fail"},
	} {
		said, within, err := onHost(in, made, tt.report, func() string { return tt.agent })
		if tt.want == "" && (err != nil || said != "2 checks on the host pass") || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) || within != tt.within {
			t.Errorf("%s: %q, within %s, %v; want %q", name, said, within, err, tt.want)
		}
	}
}

// TestRound: checks from outside are asked in their order, one that fails is named with its
// place and its time; nothing serves while a part of its role waits.
func TestRound(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	web := func(status, within int) catalog.Check {
		return catalog.Check{From: catalog.FromAppliance, HTTP: &catalog.HTTPCheck{Address: "127.0.0.1", Port: int(at.Port()), Path: "/", Method: "GET", Status: []int{status}}, Within: within, Deadline: 20, Source: "roles/web.yaml:3:5"}
	}
	url := "GET " + server.URL + "/"
	for _, tt := range []struct {
		made   role.Compiled
		within time.Duration
		want   string
		err    bool
		result string // the field of the event
	}{
		{role.Compiled{}, 0, "it has converged; its role has no checks", false, ""},
		{role.Compiled{Checks: []catalog.Check{web(404, 60)}}, 0, "it serves: " + url + " answers 404", false, ""},
		{role.Compiled{Checks: []catalog.Check{web(404, 60), web(200, 90), web(201, 10)}}, 90 * time.Second, url + ": status 404, not 200 (roles/web.yaml:3:5)", true, "status"},
		{role.Compiled{Checks: []catalog.Check{web(404, 60)}, Waiting: []string{"file[/x] waits for the facts of the host"}}, reportTime, "file[/x] waits for the facts of the host", true, ""},
	} {
		c := armed(t)
		c.Clock = time.Now
		c.Catalog = func(*inventory.Host) (*catalogs.Made, error) { return &catalogs.Made{Compiled: &tt.made}, nil }
		said, within, err := c.round(t.Context(), provision.Install{Host: "web1"}, &reports.Kept{})
		if err != nil {
			said = err.Error()
		}
		if got := checkFields(err)["result"]; got != tt.result {
			t.Errorf("%v: result %q, want %q", err, got, tt.result)
		}
		if said != tt.want || within != tt.within || (err != nil) != tt.err {
			t.Errorf("%q, within %s, %v; want %q within %s", said, within, err, tt.want, tt.within)
		}
	}
}

// TestToldChecks: the operator hears of a check that fails once, and again when another one
// fails, or the same in another way; neither often nor again after a restart.
func TestToldChecks(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	refused := failedCheck{"GET /", "r:1", "refused", errors.New("no")}
	status := failedCheck{"GET /", "r:1", "status", errors.New("500")}
	for _, tt := range []struct {
		name   string
		before int // events of the appliance that ran before
		after  []time.Duration
		errs   []error
		want   string
	}{
		{"once", 0, []time.Duration{0, time.Hour}, []error{refused, refused}, "[true false]"},
		{"in another way", 0, []time.Duration{0, time.Hour}, []error{refused, status}, "[true true]"},
		{"at once again", 0, []time.Duration{0, time.Second, time.Minute}, []error{refused, status, status}, "[true false true]"},
		{"after a restart", 1, []time.Duration{0, time.Hour, 2 * time.Hour}, []error{refused, refused, status}, "[false false true]"},
	} {
		told := toldChecks{times: tt.before}
		var got []bool
		for i, err := range tt.errs {
			got = append(got, told.news(err, began.Add(tt.after[i])))
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
	var told toldChecks
	for i := range 100 {
		told.news([]error{refused, status}[i%2], began.Add(time.Duration(i)*time.Hour))
	}
	if told.times != mostTold {
		t.Errorf("told %d times", told.times)
	}
}
