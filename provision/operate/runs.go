package operate

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"rackhand/provision"
)

// withRuns adds the latest report of its agent to the status of each host at now. It is pure.
func withRuns(hosts []provision.HostStatus, runs map[string]provision.LastRun, now time.Time) []provision.HostStatus {
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
		if h.Agent != nil {
			run.TooOld = h.Agent.TooOld != ""
		}
		// It makes no runs, and says so. Once that time is over, a run is due.
		if h.Agent != nil && h.Agent.Disabled != nil && now.Before(h.Agent.Disabled.Until.Add(provision.Interval(run.Interval))) {
			run.Disabled, run.Silent = true, false
		}
		h.Run = &run
	}
	return hosts
}

// WatchSilence checks each minute which agents have fallen silent, until ctx ends.
func (o *Operator) WatchSilence(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := o.Silence(ctx); err != nil && ctx.Err() == nil {
			log.Error("recording which agents are silent: it is tried again in a minute", "error", err)
		}
	}
}

// Silence records an event for each agent that has fallen silent. The next report of the agent
// records that it reports again.
func (o *Operator) Silence(ctx context.Context) error {
	st, err := o.Status(ctx)
	if err != nil {
		return err
	}
	for _, h := range st.Hosts {
		if h.Run == nil || !h.Run.Silent || h.Agent != nil && h.Agent.Silent {
			continue
		}
		if err := o.Journal.AgentSilent(h.Host, func() bool { return o.Runs()[h.Host].Silent }); err != nil {
			return fmt.Errorf("%s: %w", h.Host, err)
		}
	}
	return nil
}
