package operate

import "rackhand/provision"

// withRuns adds the latest report of its agent to the status of each host. It is pure.
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
