package main

import (
	"errors"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/reports"
)

// TestReportStatus: a report that is old news never ends as a good one does.
func TestReportStatus(t *testing.T) {
	for name, tt := range map[string]struct {
		kept reports.Kept
		want int
	}{
		"holds":              {reports.Kept{Report: catalog.Report{Status: catalog.OK}}, 0},
		"changed":            {reports.Kept{Report: catalog.Report{Status: catalog.Changed}}, 0},
		"failed":             {reports.Kept{Report: catalog.Report{Status: catalog.Failed}}, 4},
		"failed, and silent": {reports.Kept{Silent: true, Report: catalog.Report{Status: catalog.Failed}}, 4},
		"silent":             {reports.Kept{Silent: true, Report: catalog.Report{Status: catalog.OK}}, 3},
		"a kept catalog":     {reports.Kept{Age: 3, Report: catalog.Report{Status: catalog.OK}}, 3},
	} {
		var s silent
		err := reportStatus(tt.kept)
		if err == nil && tt.want != 0 || err != nil && (!errors.As(err, &s) || s.code != tt.want) {
			t.Errorf("%s: %v, want %d", name, err, tt.want)
		}
	}
}
