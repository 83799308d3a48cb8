package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rackhand/provision/converge"
)

func status(agent *converge.Agent, o options, out io.Writer) error {
	s, err := agent.Status()
	if err != nil {
		return err
	}
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	return s.Write(out, time.Now())
}

func disable(ctx context.Context, agent *converge.Agent, o options, out io.Writer) (code int, err error) {
	if o.reason == "" || o.until == "" {
		return exitUsage, fmt.Errorf("disable needs --reason TEXT and --until TIME")
	}
	until, err := parseUntil(o.until, time.Now())
	if err != nil {
		return exitUsage, err
	}
	told, err := agent.Disable(ctx, o.reason, until)
	if err != nil {
		return exitFailed, err
	}
	fmt.Fprintf(out, "disabled until %s; a run that is under way goes on to its end\n", until.Format("2 Jan 2006 15:04 MST"))
	if told != nil {
		fmt.Fprintf(out, "the appliance could not be notified (%v); it is notified when the next run is due\n", told)
	}
	return exitOK, nil
}

func enable(ctx context.Context, agent *converge.Agent, out io.Writer) error {
	was, told, err := agent.Enable(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("enabling the agent: %w", err)
	case !was:
		fmt.Fprintln(out, "it was not disabled")
	default:
		fmt.Fprintln(out, "enabled: the daemon makes its next run within a minute where it reaches the appliance; `rackhand-agent run` makes one now")
	}
	if told != nil {
		fmt.Fprintf(out, "the appliance does not know yet (%v): it hears of it with the next run\n", told)
	}
	return nil
}

func printFacts(ctx context.Context, o options, out io.Writer) error {
	b, err := converge.GatherFacts(ctx, converge.Paths{Root: o.root}).JSON()
	if err != nil {
		return err
	}
	_, err = out.Write(b)
	return err
}

// parseUntil reads a time: from now on (90m, 2h, 3d), of the next day that has it (18:00), or
// with a date, in the host's time zone.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 10000 {
			return now.Add(time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	if t, err := time.Parse("15:04", text); err == nil {
		at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
		if !at.After(now) {
			at = time.Date(now.Year(), now.Month(), now.Day()+1, t.Hour(), t.Minute(), 0, 0, now.Location())
		}
		return at, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a time: write 90m, 2h, 3d, 18:00 or 2026-12-01 18:00", text)
}
