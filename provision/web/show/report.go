package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/reports"
	"rackhand/provision/terminal"
)

// Report writes a report at now: a summary, and a line for each resource that didn't hold.
// With all, it has a line for each resource.
func Report(out io.Writer, k reports.Kept, all bool, now time.Time) error {
	run := k.Run()
	fmt.Fprintf(out, "%s: %s; report %d, received %s", OneLine(k.Host, 80), OneLine(k.Status, 20), k.Number, k.Received.Local().Format(time.DateTime))
	fmt.Fprintf(out, ", took %s; catalog %s\n", provision.Span(k.Finished.Sub(k.Started)), dash(OneLine(k.Version, 12)))
	run.Silent = k.Silent
	if run.Silent {
		fmt.Fprintf(out, "silent: nothing was heard of its agent for %s; it runs every %s\n", provision.Roughly(now.Sub(k.Received)), provision.Roughly(time.Duration(run.Interval*float64(time.Second))))
	}
	if run.Kept > 0 {
		fmt.Fprintf(out, "kept catalog: the appliance could not be asked; the host converged the one it had kept, %s old\n", provision.Roughly(time.Duration(run.Kept*float64(time.Second))))
	}
	if k.Error != "" {
		fmt.Fprintf(out, "error: %s\n", OneLine(k.Error, 2000))
	}
	for _, w := range k.Warnings {
		fmt.Fprintf(out, "the agent warns: %s\n", OneLine(w, 400))
	}
	fmt.Fprintln(out, Totals(run.Totals))
	if s := k.Shortened; s != nil {
		fmt.Fprintf(out, "shortened: %d texts were cut, %d results left out\n", s.Texts, s.Results)
	}
	if err := results(out, k.Results, all); err != nil {
		return err
	}
	return checks(out, k.Checks, all)
}

// Totals is a line of counts: 3 changed (1 drifted), 1 failed, 56 held.
func Totals(t catalog.Totals) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(t.Failed, "failed")
	add(t.Skipped, "skipped")
	changed := "changed"
	if t.Drifted != nil && *t.Drifted > 0 {
		changed = fmt.Sprintf("changed (%d drifted)", *t.Drifted)
	}
	add(t.Changed, changed)
	add(t.Unknown, "unknown")
	add(t.Pending, "waiting for a window to restart")
	add(t.OK, "held")
	switch {
	case t.ChecksFailed > 0:
		add(t.ChecksFailed, fmt.Sprintf("of %d checks failed", t.Checks))
	case t.Checks == 1:
		add(1, "check passed")
	default:
		add(t.Checks, "checks passed")
	}
	if len(parts) == 0 {
		return "no results"
	}
	return strings.Join(parts, ", ")
}

// order sorts results by their status: failures first.
func order(status string) int {
	i := slices.Index([]string{catalog.Failed, catalog.Skipped, catalog.Unknown, catalog.Changed, catalog.OK}, status)
	if i < 0 {
		return 0
	}
	return i
}

func results(out io.Writer, list []catalog.Result, all bool) error {
	list = slices.Clone(list)
	if !all {
		list = slices.DeleteFunc(list, func(x catalog.Result) bool { return x.Status == catalog.OK })
	}
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b catalog.Result) int { return cmp.Compare(order(a.Status), order(b.Status)) })
	fmt.Fprintln(out)
	w := &terminal.Table{Head: []string{"STATUS", "CAUSE", "RESOURCE", "TOOK", "WHAT"}}
	for _, x := range list {
		w.Add(OneLine(x.Status, 20), dash(x.Cause), OneLine(x.ID, 120), took(x.Seconds), OneLine(x.Message, 400))
	}
	return w.Write(out)
}

// took is a duration in seconds, as people read it.
func took(seconds float64) string {
	return provision.Span(time.Duration(seconds * float64(time.Second)))
}

// checks writes a line for each check on the host that failed, or with all, for each.
func checks(out io.Writer, list []catalog.CheckResult, all bool) error {
	if !all {
		list = catalog.Report{Checks: list}.FailedChecks()
	}
	if len(list) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	w := &terminal.Table{Head: []string{"STATUS", "CHECK", "SOURCE", "TOOK", "WHAT"}}
	for _, x := range list {
		w.Add(OneLine(x.Status, 20), OneLine(x.Check, 120), dash(OneLine(x.Source, 80)), took(x.Seconds), OneLine(x.Message, 400))
	}
	return w.Write(out)
}

// Reports writes a host's reports, a line each.
func Reports(out io.Writer, list []reports.Kept) error {
	w := &terminal.Table{Head: []string{"REPORT", "RECEIVED", "STATUS", "CATALOG", "TOOK", "WHAT"}}
	for _, k := range list {
		what := Totals(k.Count())
		if k.Error != "" {
			what = OneLine(k.Error, 120)
		}
		if k.Age > 0 {
			what += "; kept catalog"
		}
		w.Add(fmt.Sprint(k.Number), k.Received.Local().Format(time.DateTime), OneLine(k.Status, 20), dash(OneLine(k.Version, 12)), provision.Span(k.Finished.Sub(k.Started)), what)
	}
	return w.Write(out)
}
