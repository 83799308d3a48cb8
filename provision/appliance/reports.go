package appliance

import (
	"context"

	"rackhand/provision"
	"rackhand/provision/reports"
)

// Report makes the source a page.ReportSource.
func (s source) Report(ctx context.Context, host string) (reports.Kept, error) {
	return s.a.reports.Last(ctx, host)
}

// LastAudit makes the source a page.AuditSource.
func (s source) LastAudit(ctx context.Context) (provision.Audit, bool, error) {
	return s.a.audits.Last(ctx)
}

// Facts makes the source a page.FactSource.
func (s source) Facts(ctx context.Context, host string) (map[string]any, error) {
	return s.a.web.FactsOf(ctx, host)
}
