package page

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/reports"
)

// A ReportSource is a Source that also has the reports of agents.
type ReportSource interface {
	// Report returns the latest report of a host; reports.ErrNone if it has none.
	Report(ctx context.Context, host string) (reports.Kept, error)
}

// staleAfter is the number of seconds after which a page is loaded again without an event: a
// silent host causes none, nor does a report without changes.
const staleAfter = 60

// runResults is how many results of a report a host's page shows.
const runResults = 200

// A runView is a host's last run as the templates show it.
type runView struct {
	provision.LastRun
	Word     string // ok, changed, failed or silent
	Tone     tone
	At       *moment
	Every    string
	Drifted  string // a count; "" if the agent doesn't know
	Last     *moment
	Took     string   // only on the host's page, like the following
	Error    string   // why there was no run at all
	Lost     string   // how the report was shortened; "" for a whole one
	Results  []result // those that didn't hold, failures and drift first
	More     int      // results that aren't shown
	Warnings []string
}

type result struct {
	ID, Status, Cause, Message, Level string
}

// viewRun makes the view of a host's last run at now; nil when no run is known.
func viewRun(run *provision.LastRun, now time.Time) *runView {
	if run == nil {
		return nil
	}
	v := &runView{LastRun: *run, Word: cut(run.Status, 20), Tone: toneServing, At: at(run.Received, now), Last: at(run.Drifted, now)}
	v.Every = provision.Roughly(provision.Interval(run.Interval))
	if run.Totals.Drifted != nil {
		v.Drifted = fmt.Sprint(*run.Totals.Drifted)
	}
	switch {
	case run.Disabled:
		v.Word, v.Tone = "disabled", toneLook
	case run.Silent:
		v.Word, v.Tone = "silent", toneLook
	case run.Status == catalog.Failed:
		v.Tone = toneFailed
	case !run.InOrder():
		v.Tone = toneRunning
	}
	return v
}

// add completes it by the report itself.
func (v *runView) add(k reports.Kept) {
	v.Took, v.Error = tookText(k.Finished.Sub(k.Started)), cut(k.Error, 1000)
	if s := k.Shortened; s != nil {
		v.Lost = fmt.Sprintf("to fit, %d texts were cut and %d results left out", s.Texts, s.Results)
	}
	for _, x := range k.Results {
		if x.Status == catalog.OK {
			continue
		}
		r := result{ID: cut(x.ID, 120), Status: cut(x.Status, 20), Cause: x.Cause, Message: cut(x.Message, 400)}
		switch {
		case x.Status == catalog.Failed, x.Status == catalog.Skipped:
			r.Level = "error"
		case x.Cause == catalog.CauseDrift:
			r.Level = "warning"
		}
		v.Results = append(v.Results, r)
	}
	for _, x := range (catalog.Report{Checks: k.Checks}).FailedChecks() {
		text := x.Message
		if x.Source != "" {
			text += " (" + x.Source + ")"
		}
		v.Results = append(v.Results, result{ID: cut(x.Check, 120), Status: "check failed", Message: cut(text, 400), Level: "error"})
	}
	weight := map[string]int{"error": 0, "warning": 1, "": 2}
	slices.SortStableFunc(v.Results, func(a, b result) int { return cmp.Compare(weight[a.Level], weight[b.Level]) })
	if n := len(v.Results); n > runResults {
		v.Results, v.More = v.Results[:runResults], n-runResults
	}
}

// runsModel is the page of the last runs of all hosts.
type runsModel struct {
	Hosts []hostView
	Tally runTally
}

// A runTally counts the hosts by their last run. A host counts in all fields that apply.
type runTally struct{ InOrder, Changed, Failed, Drifted, Kept, Silent, None int }

func countRuns(hosts []hostView) (c runTally) {
	for _, h := range hosts {
		r := h.Run
		if r == nil {
			c.None++
			continue
		}
		for n, is := range map[*int]bool{
			&c.InOrder: r.InOrder(), &c.Changed: r.Status == catalog.Changed, &c.Failed: r.Status == catalog.Failed,
			&c.Drifted: r.HasDrifted() > 0, &c.Kept: r.Kept > 0, &c.Silent: r.Silent,
		} {
			if is {
				*n++
			}
		}
	}
	return c
}

// runs serves the last runs of all hosts, first those that need attention.
func (h *Handler) runs(w http.ResponseWriter, r *http.Request) {
	now := h.Clock()
	seq, hosts, ok := h.hosts(w, r)
	if !ok {
		return
	}
	var m runsModel
	for _, hs := range hosts {
		if !hs.Unclaimed {
			m.Hosts = append(m.Hosts, viewHost(hs, now))
		}
	}
	m.Tally = countRuns(m.Hosts)
	slices.SortFunc(m.Hosts, func(a, b hostView) int {
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), provision.CompareNames(a.Host, b.Host))
	})
	h.render(w, r, http.StatusOK, "runs.html", frame{
		Heading: "Runs", Fragment: "/fragment/runs", Seq: seq, Now: now, Every: staleAfter, Page: m,
	})
}

// urgency orders hosts: failed, silent, otherwise not in order, in order, never reported.
func urgency(h hostView) int {
	switch r := h.Run; {
	case r == nil:
		return 4
	case r.Status == catalog.Failed:
		return 0
	case r.Silent:
		return 1
	case !r.InOrder():
		return 2
	}
	return 3
}
