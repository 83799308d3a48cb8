package converge

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/checks"
)

// checkPatience is how long a run waits at most for checks that fail. A run that fails is
// repeated soon, so a check with more time is tried again in the next one.
const checkPatience = 2 * time.Minute

// check runs the checks on the host, for the report. When a resource has failed, they are
// tried once, for what they say.
func (a *Agent) check(ctx context.Context, list []catalog.Check, report *catalog.Report) {
	patience := checkPatience
	if report.Status == catalog.Failed {
		patience = 0
	}
	k := checks.Checker{Runner: a.Runner, Clock: a.clock.now, Sleep: a.Sleep, Log: a.Log, Bound: a.Engine.bounded}
	list = slices.Clone(list)
	for i := range list {
		if c := &list[i]; c.Problem != "" {
			c.Problem = short(fmt.Sprintf("this agent (version %s) can't run it: %s; it upgrades itself when the appliance offers a newer one", a.Version, c.Problem))
		}
	}
	report.Checks = k.All(ctx, list, patience)
	if len(report.FailedChecks()) > 0 {
		report.Status = catalog.Failed
	}
}
