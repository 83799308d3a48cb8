package converge

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// report sends the waiting reports, oldest first, and saves the state. A report with changes
// is on disk before it is sent.
func (a *Agent) report(ctx context.Context, c *client, state *State, r catalog.Report) error {
	dropped, err := state.queue(r)
	if err != nil {
		return err
	}
	dull := len(state.Unsent) == 1 && r.Status == catalog.OK && dropped == 0
	if !dull && state.broken == nil {
		if err := state.Save(); err != nil {
			return err
		}
	}
	if dropped > 0 {
		a.Log.Warn("the oldest reports are dropped, because too many wait to be sent", "dropped", dropped, "kept", maxUnsent)
	}
	if c.mutual == nil {
		// The appliance was away when the run began; it may be back.
		cert, err := c.identity(a.Paths, r.Host)
		if err != nil {
			return a.sent(state, dull) // without a certificate the reports wait
		}
		c.mutual = c.secure(cert)
	}
	for len(state.Unsent) > 0 {
		next := state.Unsent[0]
		next.Dropped = state.Dropped
		err := a.sendReport(ctx, c, next)
		var refused *refusal
		switch {
		case err == nil:
			state.Dropped = 0
		case errors.As(err, &refused) && !away(err) && refused.status != 401 && refused.status != 403:
			// It would be refused again, and must not block the others.
			a.Log.Error("a report is dropped: the appliance refuses it", "error", err)
			state.Dropped++
		default:
			a.Log.Warn("the report is kept and sent at the next run", "reports", len(state.Unsent), "error", short(err.Error()))
			return a.sent(state, dull)
		}
		state.Unsent = state.Unsent[1:]
		if err := a.sent(state, true); err != nil {
			return err
		}
	}
	return nil
}

// leastReport is the size, in bytes, below which a report is not made smaller.
const leastReport = 4 << 10

// sendReport posts a report. If it is too large for the appliance, it is sent without its
// details, because the totals matter more.
func (a *Agent) sendReport(ctx context.Context, c *client, r catalog.Report) error {
	for size := maxReport / 2; ; size /= 4 {
		err := c.post(ctx, "/v1/report", r)
		var refused *refusal
		if !errors.As(err, &refused) || refused.status != http.StatusRequestEntityTooLarge || size < leastReport {
			return err
		}
		a.Log.Warn("the report is too large for the appliance: it is sent without details", "bytes", size)
		smaller, _, fit := r.Fit(size)
		if fit != nil {
			return err
		}
		r = smaller
	}
}

// sent keeps the state after reports were sent, unless there is nothing new in it.
func (a *Agent) sent(state *State, news bool) error {
	if !news || state.broken != nil {
		return nil
	}
	return state.Save()
}

// summary is the line that people look for in the journal.
func (a *Agent) summary(r *catalog.Report, noop bool) {
	count := r.Count()
	message := "run"
	if noop {
		message = "dry run"
	}
	words := []any{"status", r.Status, "catalog", r.Version}
	if !r.CatalogFetched.IsZero() {
		words = append(words, "kept_for", (time.Duration(r.CatalogAge) * time.Second).String())
	}
	a.Log.Info(message, append(words,
		"ok", count.OK, "changed", count.Changed, "drifted", *count.Drifted, "failed", count.Failed, "skipped", count.Skipped,
		"unknown", count.Unknown, "took", r.Finished.Sub(r.Started).Round(time.Millisecond).String())...)
}

// statusOf is the status of a run. An unknown result counts as a change in a dry run, and
// not in a real one, which left the file as it is.
func statusOf(results []catalog.Result, noop bool) string {
	worst := Worst(results)
	if !noop && worst == catalog.Changed && !slices.ContainsFunc(results, func(r catalog.Result) bool { return r.Status == catalog.Changed }) {
		return catalog.OK
	}
	return worst
}

// Worst is the status of a run: failed, changed or ok. A result that a dry run can't predict
// counts as a change.
func Worst(results []catalog.Result) string {
	worst := catalog.OK
	for _, r := range results {
		switch r.Status {
		case catalog.Failed, catalog.Skipped:
			return catalog.Failed
		case catalog.Changed, catalog.Unknown:
			worst = catalog.Changed
		}
	}
	return worst
}

// short makes text fit for a report or the log.
func short(text string) string { return command.Short(text) }
