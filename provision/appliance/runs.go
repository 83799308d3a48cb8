package appliance

import (
	"context"

	"rackhand/provision"
	"rackhand/provision/reports"
)

// withRuns adds to what an operator sees of each host what its agent last reported. It is
// pure.
func withRuns(hosts []provision.HostStatus, runs map[string]provision.LastRun) []provision.HostStatus {
	for i := range hosts {
		h := &hosts[i]
		run, ok := runs[h.Host]
		if !ok || h.Unclaimed {
			continue
		}
		if in := h.Install; in != nil {
			if began, ok := in.Reached[provision.Installer]; ok && run.Received.Before(began) {
				continue // of the system before
			}
			run.Silent = run.Silent && !in.UnderWay()
		}
		h.Run = &run
	}
	return hosts
}

// Report makes the source a page.ReportSource.
func (s source) Report(ctx context.Context, host string) (reports.Kept, error) {
	return s.a.reports.Last(ctx, host)
}
