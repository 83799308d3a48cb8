package converge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/customfacts"
	"rackhand/provision/converge/facts"
)

// factsFolder holds the operator's own facts of a host.
const factsFolder = "/etc/rackhand/facts.d"

// factsPatience is how long the appliance has to take facts. A run doesn't fail without that.
const factsPatience = 10 * time.Second

// GatherFacts gathers the facts of a host, with the operator's own ones.
func GatherFacts(ctx context.Context, paths Paths) facts.Facts {
	f := facts.Gather(ctx, paths.Root, facts.Deadline)
	own := customfacts.Folder{Dir: paths.In(factsFolder), Runner: command.Exec{Grace: time.Second}}
	return f.With(own.Read(ctx))
}

// claims are the facts of one run, as they are sent.
type claims struct {
	body []byte
	sum  string
	sent bool // in this run, and the appliance took or refused them
}

// claims gathers the facts of this run; nil for none.
func (a *Agent) claims(ctx context.Context) *claims {
	if a.Facts == nil {
		return nil
	}
	f := a.Facts(ctx)
	body, err := f.Wire()
	if err == nil {
		_, err = catalog.DecodeFacts(body)
	}
	if err != nil && len(f.Custom) > 0 { // rather without the operator's own than none
		body, err = f.With(nil, map[string]string{"": err.Error()}).Wire()
	}
	if err != nil {
		a.Log.Error("facts", "error", short(err.Error()))
		return nil
	}
	return &claims{body: body, sum: catalog.FactsSum(body)}
}

// tell sends facts that the appliance has not answered for. If it doesn't take them, the run
// goes on: the catalog is that of the facts from before.
func (a *Agent) tell(ctx context.Context, c *client, k *claims, state *State, report *catalog.Report) {
	if k == nil {
		return
	}
	c.facts = k.sum
	if state.Facts != k.sum {
		a.send(ctx, c, k, state, report)
	}
}

// send sends facts, and reports whether the appliance took them.
func (a *Agent) send(ctx context.Context, c *client, k *claims, state *State, report *catalog.Report) bool {
	err := c.putFacts(ctx, k.body)
	var r *refusal
	switch {
	case err == nil:
	case !errors.As(err, &r) || r.status >= 500 || r.status == http.StatusTooManyRequests || r.status == http.StatusUnauthorized:
		a.Log.Warn("the appliance doesn't take the host's facts now", "error", short(err.Error()))
		return false
	case r.status == http.StatusNotFound || r.status == http.StatusMethodNotAllowed:
		a.Log.Debug("the appliance is of a version that takes no facts")
	default:
		report.Warnings = append(report.Warnings, short("the appliance refuses the host's facts: "+err.Error()))
		a.Log.Error("the appliance refuses the host's facts", "error", short(err.Error()))
	}
	state.Facts, k.sent = k.sum, true
	return err == nil
}

// catalogFor is freshCatalog for facts that the appliance may ask for: after a restored
// database, or an upgrade, or if it can make no catalog of those that it has. Then it sends
// them, and asks for the catalog that they make.
func (a *Agent) catalogFor(ctx context.Context, c *client, k *claims, host, have string, state *State, noop bool, report *catalog.Report) (*catalog.Catalog, error) {
	fresh, err := a.freshCatalog(ctx, c, host, have, noop)
	if k == nil || !c.factsWanted || k.sent || !a.send(ctx, c, k, state, report) {
		return fresh, err
	}
	if fresh != nil {
		have = fresh.Version
	}
	again, againErr := a.freshCatalog(ctx, c, host, have, noop)
	switch {
	case againErr == nil && again != nil:
		return again, nil
	case againErr == nil: // still the one that it has
		return fresh, nil
	case err == nil:
		a.Log.Warn("the catalog for the host's facts could not be fetched: that of before is used", "error", short(againErr.Error()))
		return fresh, nil
	}
	return nil, againErr
}

func (c *client) putFacts(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, factsPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.base.JoinPath(catalog.FactsPath).String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", catalog.FactsPath, err)
	}
	req.Header.Set("Content-Type", "application/json")
	c.sayVersion(req)
	resp, err := c.mutual.Do(req)
	if err != nil {
		return fmt.Errorf("asking the appliance: %w", err)
	}
	defer resp.Body.Close()
	c.hearHeaders(c.mutual, resp)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return newRefusal(resp, catalog.FactsPath)
	}
	return nil
}
