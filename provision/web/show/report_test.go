package show_test

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/reports"
	"rackhand/provision/web/show"
)

// TestReport: what needs a look comes first, what a host says moves no terminal, and an old
// agent's report makes no claim of drift.
func TestReport(t *testing.T) {
	r := catalog.Report{
		Host: "web1", Status: catalog.Failed, Version: strings.Repeat("c0ffee", 10), Started: at(1), Finished: at(3), Interval: 600,
		Warnings: []string{"its state was lost \x1b[31m"},
		Results: []catalog.Result{
			{ID: "file[/etc/motd]", Status: catalog.OK},
			{ID: "file[/etc/hosts]", Status: catalog.Changed, Cause: catalog.CauseDrift, Message: "content changed, 12 → 14 bytes", Seconds: 0.004},
			{ID: "package[nginx]", Status: catalog.Failed, Message: "apt-get:\nexit status 100 \x1b[31m", Seconds: 2.5},
			{ID: "service[nginx]", Status: catalog.Skipped, Message: "requires package[nginx], which is failed"},
		},
	}
	r.Checks = []catalog.CheckResult{
		{Check: "GET http://127.0.0.1:80/", Source: "roles/web.yaml:9:5", Status: catalog.OK, Message: "GET http://127.0.0.1:80/ answers 200", Seconds: 0.01},
		{Check: "exec pg_isready", Source: "roles/web.yaml:11:5", Status: catalog.Failed, Message: "exec pg_isready: exit status 0 was expected: exit status 2 \x1b[31m", Seconds: 60},
	}
	r.SetTotals()
	r.Shortened = &catalog.Shortened{Texts: 3}
	old := catalog.Report{Host: "web2", Status: catalog.Changed, Results: []catalog.Result{{ID: "a", Status: catalog.Changed}}}
	list := []reports.Kept{
		{Number: 12, Received: at(4), Silent: true, Age: 7200, Report: r},
		{Number: 1, Received: at(5), Report: old},
		{Number: 7, Received: at(6), Report: catalog.Report{Host: "web3", Status: catalog.Failed, Error: "no catalog was ever fetched"}},
	}
	var out strings.Builder
	for _, k := range list {
		for _, all := range []bool{false, true} {
			if err := show.Report(&out, k, all, at(4).Add(3*time.Hour)); err != nil {
				t.Fatal(err)
			}
			out.WriteString("\n")
		}
	}
	if err := show.Reports(&out, list); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, k := range list {
		text = strings.ReplaceAll(text, k.Received.Local().Format(time.DateTime), k.Received.Format(time.DateTime))
	}
	golden(t, "report.txt", text)
}
