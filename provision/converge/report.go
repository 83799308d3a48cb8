package converge

import (
	"context"
	"errors"
	"time"

	"rackhand/provision/catalog"
)

// report sends the reports that are there, oldest first, and keeps the state. A report
// with news is on disk before it is sent.
func (a *Agent) report(ctx context.Context, c *client, state *State, r catalog.Report) error {
	state.queue(r)
	dull := len(state.Unsent) == 1 && r.Status == catalog.OK
	if !dull && state.broken == nil {
		if err := state.Save(); err != nil {
			return err
		}
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
		err := c.post(ctx, "/v1/report", state.Unsent[0])
		var refused *refusal
		switch {
		case errors.As(err, &refused) && !away(err) && refused.status != 401 && refused.status != 403:
			// It will be refused tomorrow too, and must not hold up the others.
			a.Log.Error("a report is dropped: the appliance refuses it", "error", err)
		case err != nil:
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

// sent keeps the state after reports were sent, unless there is nothing new in it.
func (a *Agent) sent(state *State, news bool) error {
	if !news || state.broken != nil {
		return nil
	}
	return state.Save()
}

// summary is the line that people look for in the journal.
func (a *Agent) summary(r *catalog.Report, noop bool) {
	count := map[string]int{}
	for _, x := range r.Results {
		count[x.Status]++
	}
	message := "run"
	if noop {
		message = "dry run"
	}
	words := []any{"status", r.Status, "catalog", r.Version}
	if !r.CatalogFetched.IsZero() {
		words = append(words, "kept_for", (time.Duration(r.CatalogAge) * time.Second).String())
	}
	a.Log.Info(message, append(words,
		"ok", count[catalog.OK], "changed", count[catalog.Changed], "failed", count[catalog.Failed], "skipped", count[catalog.Skipped],
		"unknown", count[catalog.Unknown], "took", r.Finished.Sub(r.Started).Round(time.Millisecond).String())...)
}
