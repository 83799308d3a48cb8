package converge

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// checked is a host whose catalog has checks, and whose clock goes on when it waits.
func checked(t *testing.T, checks ...catalog.Check) *testHost {
	r := newTestHost(t)
	r.Runner, r.Version = command.Exec{Grace: time.Second}, "1.2"
	r.Sleep = func(ctx context.Context, d time.Duration) error {
		r.clock.now = r.clock.now.Add(d)
		return ctx.Err()
	}
	c, err := r.app.catalog.WithChecks(checks)
	if err != nil {
		t.Fatal(err)
	}
	r.app.catalog = c
	return r
}

func (r *testHost) last() catalog.Report {
	r.t.Helper()
	r.app.mu.Lock()
	defer r.app.mu.Unlock()
	if len(r.app.reports) == 0 {
		r.t.Fatal("no report")
	}
	return r.app.reports[len(r.app.reports)-1]
}

func exists(path string, within int) catalog.Check {
	return catalog.Check{From: catalog.FromHost, Exec: &catalog.ExecCheck{Command: []string{"test", "-e", path}}, Within: within, Deadline: 20, Source: "roles/web.yaml:9:5"}
}

// TestChecks: an agent runs the checks after its resources, in each run, and reports them; one
// that fails makes the run a failed one, which is repeated soon.
func TestChecks(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "flag")
	r := checked(t)
	c, err := r.app.catalog.WithChecks([]catalog.Check{exists(r.root.In("/etc/motd"), 60), exists(flag, 60)})
	if err != nil {
		t.Fatal(err)
	}
	r.app.catalog = c
	began := r.clock.now
	r.once(catalog.Failed)
	rep := r.last()
	if n := rep.Totals; n.Changed != 1 || n.Failed != 0 || n.Checks != 2 || n.ChecksFailed != 1 || rep.Error != "" {
		t.Errorf("%+v", rep)
	}
	if x := rep.Checks[1]; rep.Checks[0].Status != catalog.OK || x.Status != catalog.Failed || x.Text() != "exec test -e "+flag+": exit status 0 was expected: exit status 1 (roles/web.yaml:9:5)" || x.Seconds != 60 {
		t.Errorf("%+v", rep.Checks)
	}
	if took := r.clock.now.Sub(began); took != time.Minute {
		t.Errorf("it was tried for %s", took)
	}
	if !strings.Contains(r.out.String(), "msg=failed check=\"exec test -e "+flag) {
		t.Errorf("the log:\n%s", r.out)
	}
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.once(catalog.OK)
	if n := r.last().Totals; n.Checks != 2 || n.ChecksFailed != 0 {
		t.Errorf("%+v", n)
	}
	if rep, err := r.Make(t.Context(), Demand{Tags: []string{"web"}}); err != nil || len(rep.Checks) != 0 {
		t.Errorf("a run limited by tags: %+v, %v", rep, err)
	}
	r.app.mu.Lock()
	reports := len(r.app.reports)
	r.app.mu.Unlock()
	if status, err := r.Once(t.Context(), true); err != nil || status != catalog.OK {
		t.Errorf("a dry run: %s, %v", status, err)
	}
	r.app.mu.Lock()
	if len(r.app.reports) != reports {
		t.Error("a dry run has reported")
	}
	r.app.mu.Unlock()

	// The appliance is away: the checks of the kept catalog run.
	if err := os.Remove(flag); err != nil {
		t.Fatal(err)
	}
	r.app.mu.Lock()
	r.app.fail["/v1/catalog"] = 503
	r.app.mu.Unlock()
	r.once(catalog.Failed)
	if rep := r.last(); rep.CatalogFetched.IsZero() || rep.Totals.ChecksFailed != 1 {
		t.Errorf("%+v", rep)
	}
}

// TestChecksAfterAFailure: when a resource has failed, checks are tried once.
func TestChecksAfterAFailure(t *testing.T) {
	r := checked(t, exists("/no/such", 60))
	r.app.catalog.Resources = append(r.app.catalog.Resources, file("/no/such/folder/x", "x"))
	began := r.clock.now
	r.once(catalog.Failed)
	if rep := r.last(); rep.Totals.ChecksFailed != 1 || rep.Totals.Failed != 1 || r.clock.now != began {
		t.Errorf("%s later: %+v", r.clock.now.Sub(began), rep)
	}
}

// TestUnknownCheck: a check of a later appliance fails, and says that the agent is too old.
func TestUnknownCheck(t *testing.T) {
	r := checked(t)
	text := `{"format":2,"host":"web1","version":"later","resources":[],"checks":[{"from":"host","within":60,"deadline":5,"source":"roles/web.yaml:9:5","disk":{"free":"1%"}}]}`
	r.app.raw = text
	began := r.clock.now
	r.once(catalog.Failed)
	rep := r.last()
	if len(rep.Checks) != 1 || !strings.HasPrefix(rep.Checks[0].Message, `this agent (version 1.2) can't run it: unknown field "disk"`) || r.clock.now != began || rep.ExitCode() != catalog.ExitFailed {
		t.Errorf("%s later: %+v", r.clock.now.Sub(began), rep)
	}
}
