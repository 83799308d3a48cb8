package page_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/reports"
)

// report has agents of the rack report: one is in order, one found drift and failures, one
// is silent, one converged a kept catalog, and one is too old to tell drift.
func (f *fake) report(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = map[string]reports.Kept{}
	give := func(host string, n uint64, ago time.Duration, r catalog.Report, change func(*reports.Kept)) {
		r.Host, r.Version, r.Started, r.Finished = host, strings.Repeat("c0ffee", 10), now.Add(-ago-2*time.Second), now.Add(-ago)
		k := reports.Kept{Number: n, Received: now.Add(-ago), Counted: now.Add(-ago), Report: r}
		if change != nil {
			change(&k)
		}
		f.reports[host] = k
		for i := range f.hosts {
			if f.hosts[i].Host == host {
				run := k.Run()
				run.Silent = k.Silent
				f.hosts[i].Run = &run
				if k.Age > 0 {
					state := provision.NewAgentState(now, time.Duration(k.Age)*time.Second, 0, nil)
					f.hosts[i].Agent = &state
				}
			}
		}
	}
	result := func(id, status, cause, message string) catalog.Result {
		return catalog.Result{ID: id, Status: status, Cause: cause, Message: message, Seconds: 0.01}
	}
	told := func(status string, results ...catalog.Result) catalog.Report {
		r := catalog.Report{Status: status, Interval: 1800, Results: append(results, result("file[/etc/motd]", catalog.OK, "", ""))}
		r.SetTotals()
		return r
	}
	give("web1", 41, 4*time.Minute, told(catalog.OK), nil)
	give("web2", 12, 9*time.Minute, told(catalog.Failed,
		result("package[nginx]", catalog.Failed, "", "apt-get: exit status 100: E: Unable to fetch some archives"),
		result("service[nginx]", catalog.Skipped, "", "requires package[nginx], which is failed"),
		result("file[/etc/nginx/nginx.conf]", catalog.Changed, catalog.CauseCatalog, "content changed, 1480 → 1512 bytes"),
		result("file[/etc/ssh/sshd_config.d/50-rackhand.conf]", catalog.Changed, catalog.CauseDrift, "content changed, 120 → 96 bytes; mode 0666 → 0644"),
	), func(k *reports.Kept) {
		k.Drifted = k.Received
		k.Checks = []catalog.CheckResult{{Check: "tcp 127.0.0.1:80", Source: "roles/web.yaml:9:5", Status: catalog.Failed, Message: "tcp 127.0.0.1:80: connection refused"}, {Check: "exec a", Status: catalog.OK}}
		k.SetTotals()
	})
	give("lb1", 1207, 3*time.Hour, told(catalog.OK), func(k *reports.Kept) { k.Silent = true })
	give("build1", 3, time.Minute, told(catalog.Changed, result("file[/etc/motd.d/x]", catalog.Changed, catalog.CauseFirst, "made")), func(k *reports.Kept) {
		k.Age = 7200
	})
	old := catalog.Report{Status: catalog.Changed, Results: []catalog.Result{{ID: "service[redis]", Status: catalog.Changed, Message: "started"}}}
	give("cache1", 5, 11*time.Minute, old, nil)
}

func (f *fake) Report(_ context.Context, host string) (reports.Kept, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, ok := f.reports[host]
	if !ok {
		return k, fmt.Errorf("%w of %s", reports.ErrNone, host)
	}
	return k, f.fail
}

// TestRuns: what needs a look comes first, a silent host is never in order, and an old
// agent's drift is unknown, not none.
func TestRuns(t *testing.T) {
	now := theTime()
	f := rack(now)
	f.hosts[0].Run.Totals.Changed = 7 // web1's
	h := newPage(t, f)
	text := get(t, h, "/runs").Body.String()
	last := -1
	for _, host := range []string{"web2", "lb1", "build1", "cache1", "web1", "db1", "spare1"} {
		at := strings.Index(text, `href="/host/`+host+`"`)
		if at < last {
			t.Errorf("%s is not in its place", host)
		}
		last = at
	}
	for _, want := range []string{"<b>1</b> failed", "<b>1</b> silent", "<b>1</b> on a kept catalog", "<b>1</b> drifted", "<b>2</b> in order", "<b>5</b> never reported", "silent for 3 h", "2 of 5 resources don&#39;t hold", "1 of 2 checks fail", ">unknown</span>"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q", want)
		}
	}
	if strings.Contains(text, "3c:ec:ef") {
		t.Error("it has unclaimed boxes")
	}
	host := get(t, h, "/host/web2").Body.String()
	for _, want := range []string{"Last run", "1 drifted", "drift</span>", "E: Unable to fetch", "every 30 min", "1 of 2 checks failed", "check failed</b>", "connection refused (roles/web.yaml:9:5)"} {
		if !strings.Contains(host, want) {
			t.Errorf("the host's page doesn't say %q", want)
		}
	}
	if strings.Index(host, "sshd_config.d") > strings.Index(host, "nginx.conf") {
		t.Error("drift stands below plain changes")
	}
	if text := get(t, h, "/host/db1").Body.String(); strings.Contains(text, "Last run") {
		t.Error("a host without a report shows one")
	}
}

// TestManyResults: a page has a bounded part of a report, and says how the rest is read.
func TestManyResults(t *testing.T) {
	now := theTime()
	f := rack(now)
	k := f.reports["web1"]
	for i := range 500 {
		k.Results = append(k.Results, catalog.Result{ID: fmt.Sprint("hostile<script>", i), Status: catalog.Failed, Message: strings.Repeat("x", 5000)})
	}
	f.reports["web1"] = k
	h := newPage(t, f)
	text := get(t, h, "/host/web1").Body.String()
	if !strings.Contains(text, "300 more: <code>rackhand report web1</code>") || strings.Contains(text, "<script>0") || len(text) > 300<<10 {
		t.Errorf("%d bytes", len(text))
	}
}
