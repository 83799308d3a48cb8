package catalog

import "slices"

// Causes of a change.
const (
	// CauseFirst: nothing is known from before. The run is the host's first, or the
	// agent's state was lost.
	CauseFirst = "first"
	// CauseCatalog: the catalog declares the resource for the first time, or otherwise
	// than when it last held.
	CauseCatalog = "catalog"
	// CauseDrift: the resource held under the same declaration, and held no more.
	CauseDrift = "drift"
	// CauseFollows: another resource was changed in this run, or before a refresh that was
	// still pending, and this one is a consequence.
	CauseFollows = "follows"
	// CauseBoot: the host has booted since the last run, and a boot undoes such a resource:
	// a service, a file in a folder that lives in memory.
	CauseBoot = "boot"
	// CauseSecret: a sensitive file, or a user's password, whose content doesn't stand in the catalog. The agent
	// keeps no hash of a secret, so it can't tell a new secret from drift.
	CauseSecret = "secret"
)

// Causes are all of them.
func Causes() []string {
	return []string{CauseFirst, CauseCatalog, CauseDrift, CauseFollows, CauseBoot, CauseSecret}
}

// Totals count the results of a run.
type Totals struct {
	OK      int `json:"ok"`
	Changed int `json:"changed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Unknown int `json:"unknown"`
	// Pending are services whose restart waits for the maintenance window.
	Pending int `json:"pending,omitempty"`
	// Drifted of those that changed had drifted; nil when the agent can't tell.
	Drifted *int `json:"drifted,omitempty"`
	// Checks are those that ran on the host; 0 also from agents that run none.
	Checks       int `json:"checks,omitempty"`
	ChecksFailed int `json:"checks_failed,omitempty"`
}

// Resources is how many results there were.
func (t Totals) Resources() int {
	return t.OK + t.Changed + t.Failed + t.Skipped + t.Unknown + t.Pending
}

// A Shortened counts the parts that a report lost to fit.
type Shortened struct {
	Texts   int `json:"texts,omitempty"`   // messages, warnings and diffs that were cut or left out
	Results int `json:"results,omitempty"` // results that were left out
}

// Count counts the results of a report. Where results were left out, the report's own
// totals say more; they are bounded, since they are a host's word.
func (r Report) Count() Totals {
	var t Totals
	drifted := 0
	for _, x := range r.Results {
		switch x.Status {
		case OK:
			t.OK++
		case Changed:
			t.Changed++
		case Failed:
			t.Failed++
		case Skipped:
			t.Skipped++
		case Unknown:
			t.Unknown++
		case Pending:
			t.Pending++
		}
		if x.Status == Changed && x.Cause == CauseDrift {
			drifted++
		}
	}
	t.Checks, t.ChecksFailed = len(r.Checks), len(r.FailedChecks())
	if r.Totals == nil {
		return t
	}
	// Some may have been left out.
	t.Checks = max(t.Checks, min(r.Totals.Checks, MaxChecks))
	t.ChecksFailed = max(t.ChecksFailed, min(r.Totals.ChecksFailed, t.Checks))
	checks, failing := t.Checks, t.ChecksFailed
	if r.Shortened != nil && r.Shortened.Results > 0 {
		said := *r.Totals
		for _, n := range []*int{&said.OK, &said.Changed, &said.Failed, &said.Skipped, &said.Unknown, &said.Pending} {
			*n = max(0, min(*n, MaxResources))
		}
		if said.Drifted != nil {
			drifted = max(0, min(*said.Drifted, said.Changed))
		}
		t = said
		t.Checks, t.ChecksFailed = checks, failing
	}
	if r.Totals.Drifted != nil {
		t.Drifted = &drifted
	}
	return t
}

// Earlier is the form in which a report is kept once a later one has come: resources that
// held are counted and no longer listed, and the rest fits into size bytes of JSON.
func (r Report) Earlier(size int) (Report, error) {
	r.Results = slices.Clone(r.Results)
	r.leaveOut(OK) // and notes the totals
	r.Checks = r.FailedChecks()
	r, _, err := r.Fit(size)
	return r, err
}

// SetTotals counts the results, of an agent that knows the causes of changes.
func (r *Report) SetTotals() {
	none := 0
	r.Totals = &Totals{Drifted: &none}
	t := r.Count()
	r.Totals = &t
}
