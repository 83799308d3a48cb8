package installer

import (
	"net/http/httptest"
	"testing"
	"time"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/report"
)

// reportTo is a reporter that reports to a.
func reportTo(t *testing.T, a *fake.Appliance, clk report.Clock) *report.Reporter {
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	r := report.NewReporter(srv.URL, srv.Client(), clk, report.NewRedactor().Clean, fake.NoLog)
	r.Start(t.Context())
	return r
}

// heard ends the reporter and returns what the appliance has heard until then.
func heard(t *testing.T, r *report.Reporter, a *fake.Appliance) []fake.Event {
	t.Helper()
	if err := r.Last(t.Context(), report.Event{Kind: "end"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return a.Got[:len(a.Got)-1]
}
