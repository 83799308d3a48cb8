package appliance

import (
	"context"

	"rackhand/provision/reports"
)

// Report makes the source a page.ReportSource.
func (s source) Report(ctx context.Context, host string) (reports.Kept, error) {
	return s.a.reports.Last(ctx, host)
}
