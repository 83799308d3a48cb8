package converge

import (
	"fmt"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func TestReportIsKeptAndSentLater(t *testing.T) {
	r := newTestHost(t)
	r.app.fail["/v1/report"] = 503
	r.once(catalog.Changed)
	r.once(catalog.OK)
	if n := len(r.app.reports); n > 0 {
		t.Fatalf("%d reports came through", n)
	}
	delete(r.app.fail, "/v1/report")
	r.restart()
	r.once(catalog.OK)
	if len(r.app.reports) != 3 || r.app.reports[0].Status != catalog.Changed {
		t.Errorf("reports: %+v", r.app.reports)
	}
	// One that is refused for what it is does not hold up those after it.
	r.app.fail["/v1/report"] = 400
	r.once(catalog.OK)
	delete(r.app.fail, "/v1/report")
	r.app.reports = nil
	r.once(catalog.OK)
	if len(r.app.reports) != 1 {
		t.Errorf("reports: %+v", r.app.reports)
	}
}

// A report that is too large for the appliance arrives without its details.
func TestReportTooLarge(t *testing.T) {
	r := newTestHost(t)
	for i := range 1500 {
		r.app.catalog.Resources = append(r.app.catalog.Resources, catalog.Resource{
			ID: fmt.Sprintf("file[/etc/%04d]", i), File: &catalog.File{Path: fmt.Sprintf("/etc/%04d", i), Ensure: "absent"},
		})
	}
	r.app.largest = 50 << 10
	r.once(catalog.Changed)
	if len(r.app.reports) != 1 || r.app.reports[0].Status != catalog.Changed || len(r.app.reports[0].Results) == 0 || len(r.app.reports[0].Results) > 1000 {
		t.Errorf("%d reports arrived", len(r.app.reports))
	}
	if x := r.app.reports[0]; x.Shortened == nil || x.Shortened.Results != 1501-len(x.Results) || x.Count().Resources() != 1501 {
		t.Errorf("it was shortened and says %+v, %+v", x.Shortened, x.Totals)
	}
	// An appliance that accepts no report learns later how many were dropped.
	r.app.largest = 10
	r.once(catalog.OK)
	r.app.largest, r.app.reports = 0, nil
	r.once(catalog.OK)
	if len(r.app.reports) != 1 || r.app.reports[0].Dropped != 1 {
		t.Errorf("reports: %d", len(r.app.reports))
	}
}

// An appliance that has had enough for now is left alone until the next run. The oldest
// reports go when too many wait, and that is said.
func TestTooManyReports(t *testing.T) {
	r := newTestHost(t)
	r.app.fail["/v1/report"], r.app.after = 429, "60"
	r.once(catalog.Changed)
	if r.pauses != 0 || r.app.calls["/v1/report"] != 1 {
		t.Errorf("asked %d times, with %d pauses", r.app.calls["/v1/report"], r.pauses)
	}
	for range maxUnsent + 4 {
		r.once(catalog.OK)
	}
	if !strings.Contains(r.out.String(), "the oldest reports are dropped") {
		t.Error("nothing is said of reports that are dropped")
	}
	delete(r.app.fail, "/v1/report")
	r.restart()
	r.once(catalog.OK)
	r.once(catalog.OK)
	var dropped []int
	for _, x := range r.app.reports {
		if x.Dropped > 0 {
			dropped = append(dropped, x.Dropped)
		}
	}
	if len(r.app.reports) != maxUnsent+1 || len(dropped) != 1 || dropped[0] != 6 {
		t.Errorf("%d reports arrived, which tell of %v that were dropped", len(r.app.reports), dropped)
	}
}
