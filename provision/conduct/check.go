package conduct

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/catalog/probe"
	"rackhand/provision/catalogs"
	"rackhand/provision/reports"
)

// checkEvery is the time between two rounds of checks.
const checkEvery = time.Second

// check runs the role's checks from outside, and reads the results of those on the host,
// until all of them pass in one round. Each round looks up host and role again, because the
// operator may have corrected them.
func (c *Conductor) check(ctx context.Context, in provision.Install) error {
	began := c.Journal.Counted()
	var told toldChecks
	if in.CheckFailed {
		told.times = 1
	}
	var last reports.Kept
	for {
		message, within, err := c.round(ctx, in, &last)
		if err == nil {
			return c.tell(in, provision.Event{Source: "check", Kind: "serving", Stage: provision.Serving, Message: message}, nil)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if now, ok := c.Journal.Install(in.Host); !ok || now.ID != in.ID || now.Stage != provision.Converged {
			return nil
		}
		if now := c.Journal.Counted(); now.Sub(began) > within && told.news(err, now) {
			waited := now.Sub(began).Round(time.Second)
			if err := c.tell(in, provision.Event{
				Source: "check", Kind: "check-failed", Level: provision.LevelError,
				Message: fmt.Sprintf("after %s it does not serve: %v; tried on", provision.Span(max(within, waited)), err),
				Fields:  checkFields(err),
			}, func(in *provision.Install) { in.CheckFailed = true }); err != nil {
				return err
			}
		}
		wait(ctx, checkEvery)
	}
}

// round runs each check from outside once, and reads the host's report of the others, unless
// it is still last. An error comes with how long that one may fail.
func (c *Conductor) round(ctx context.Context, in provision.Install, last *reports.Kept) (message string, within time.Duration, err error) {
	h := c.Snapshot().Hosts[in.Host]
	if h == nil {
		return "", 0, fmt.Errorf("%s is no longer in the inventory", in.Host)
	}
	made, err := c.Catalog(h)
	if made == nil {
		return "", 0, fmt.Errorf("the role's checks: %w", err)
	}
	if len(made.Waiting) > 0 {
		return "", reportTime, errors.New(made.Waiting[0]) // a resource or a check
	}
	p := probe.Network{Clock: c.Clock}
	var passed []string
	for i := range made.Checks {
		k := &made.Checks[i]
		if k.From == catalog.FromHost {
			continue
		}
		said, err := p.Try(ctx, k)
		if err != nil {
			return "", time.Duration(k.Within) * time.Second, failedCheck{k.Words(), k.Source, probe.Result(err), fmt.Errorf("%w (%s)", err, k.Source)}
		}
		passed = append(passed, said)
	}
	if len(made.Checks) == 0 {
		return "it has converged; its role has no checks", 0, nil
	}
	if len(made.Catalog.Checks) > 0 {
		if run, _ := c.Reports.Run(in.Host); run.Number != last.Number || !run.Counted.Equal(last.Counted) {
			if *last, err = c.Reports.Last(ctx, in.Host); err != nil && !errors.Is(err, reports.ErrNone) {
				return "", 0, err
			}
		}
		said, within, err := onHost(in, made, *last, func() string { return c.Journal.Hosts()[in.Host].AgentVersion })
		if err != nil {
			return "", within, err
		}
		passed = append(passed, said)
	}
	return "it serves: " + strings.Join(passed, "; "), 0, nil
}

// reportTime is how long the report of a catalog may take to come.
const reportTime = time.Minute

// onHost judges the checks on the host by its latest report, the zero value for none. An
// error comes with how long it may last before it is a failure.
func onHost(in provision.Install, made *catalogs.Made, k reports.Kept, agent func() string) (said string, within time.Duration, err error) {
	n := k.Count()
	switch {
	case k.Counted.IsZero() || k.Counted.Before(systemSince(in)):
		return "", reportTime, errors.New("its agent has not reported the checks on the host yet")
	case k.Version != made.Version && k.Version != made.Catalog.Version:
		return "", reportTime, fmt.Errorf("its agent has not run the checks of the current catalog yet; it does so within %s, or at once with rackhand converge %s", provision.Interval(k.Interval), in.Host)
	case n.Checks == 0:
		version := agent()
		if version != "" {
			version = " (version " + version + ")"
		}
		return "", 0, fmt.Errorf("its agent%s does not run checks: it needs a newer one", version)
	case n.ChecksFailed > 0:
		return "", still(made.Catalog.Checks, k.FailedChecks()), failing(n, k.FailedChecks())
	}
	if n.Checks == 1 {
		return "the check on the host passes", 0, nil
	}
	return fmt.Sprintf("%d checks on the host pass", n.Checks), 0, nil
}

// failing says which check fails, as far as the report says it.
func failing(n catalog.Totals, failed []catalog.CheckResult) error {
	switch {
	case len(failed) == 0:
		return fmt.Errorf("%d of %d checks on the host fail", n.ChecksFailed, n.Checks)
	case n.ChecksFailed == 1:
		return onHostFailed(failed[0], fmt.Errorf("on the host, %s", failed[0].Text()))
	}
	return onHostFailed(failed[0], fmt.Errorf("on the host, %s, and %d more", failed[0].Text(), n.ChecksFailed-1))
}

// still is how much longer failed checks may go on failing: the agent has tried each for a
// time already. That is the host's word, and is bounded.
func still(checks []catalog.Check, failed []catalog.CheckResult) (left time.Duration) {
	for _, x := range failed {
		tried := time.Duration(min(max(x.Seconds, 0), catalog.MaxWithin)) * time.Second
		for _, k := range checks {
			if k.Source == x.Source {
				left = max(left, time.Duration(k.Within)*time.Second-tried)
			}
		}
	}
	return left
}

// systemSince is when the system of an install was on its disks. A report of before is of
// another system.
func systemSince(in provision.Install) (since time.Time) {
	for stage, at := range in.Reached {
		if stage.Rank() >= provision.Installed.Rank() && (since.IsZero() || at.Before(since)) {
			since = at
		}
	}
	return since
}
