package converge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"rackhand/provision/catalog"
)

// ErrReplaced: a new program has replaced this one, and the caller has to start it.
var ErrReplaced = errors.New("the agent's program was replaced")

// downloadTime bounds the download of a new agent.
const downloadTime = 5 * time.Minute

// sayVersion adds the agent's version to a request.
func (c *client) sayVersion(req *http.Request) {
	if c.version != "" {
		req.Header.Set(catalog.HeaderAgent, c.version)
	}
	if c.trusts != "" {
		req.Header.Set(catalog.HeaderCA, c.trusts)
	}
	if c.trial {
		req.Header.Set(catalog.HeaderTrial, "1")
	}
}

// hearHeaders notes the agent that the appliance offers, and whether a renewal is due. It
// does so for every answer, also an error: a catalog that this agent can't use is a reason to
// upgrade. Both headers count only over mutual TLS.
func (c *client) hearHeaders(with *http.Client, resp *http.Response) {
	if with != c.mutual {
		return
	}
	if sum := resp.Header.Get(catalog.HeaderCA); catalog.IsSHA256(sum) {
		c.newCA = sum
	}
	c.factsWanted = c.factsWanted || resp.Header.Get(catalog.HeaderFacts) == catalog.FactsWanted
	c.renewDue = c.renewDue || resp.Header.Get(catalog.HeaderRenew) != ""
	text := resp.Header.Get(catalog.HeaderOffer)
	if text == "" {
		return
	}
	o, err := catalog.ParseOffer(text)
	if err != nil {
		c.log.Warn("the appliance's offer of an agent is ignored", "error", short(err.Error()))
		return
	}
	c.offer = &o
}

// fetchUpgrade fetches the agent that the appliance offered in this run, over the run's
// own connection.
func (a *Agent) fetchUpgrade(ctx context.Context, c *client) {
	if a.Upgrade == nil || c.offer == nil || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, downloadTime, fmt.Errorf("it did not come within %s", downloadTime))
	defer cancel()
	err := a.Upgrade.Fetch(*c.offer, func() (io.ReadCloser, error) { return c.agent(ctx, c.offer.SHA256) })
	if err != nil {
		a.Log.Error("upgrading the agent", "error", short(err.Error()))
	}
}

// agent asks for an agent's program.
func (c *client) agent(ctx context.Context, sha256 string) (io.ReadCloser, error) {
	path := "/v1/agent/" + sha256
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath(path).String(), nil)
	if err != nil {
		return nil, err
	}
	c.sayVersion(req)
	resp, err := c.mutual.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the appliance: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, newRefusal(resp, path)
	}
	return resp.Body, nil
}

func (a *Agent) upgradeWarnings() []string {
	if a.Upgrade == nil || a.Upgrade.Warning() == "" {
		return nil
	}
	return []string{short(a.Upgrade.Warning())}
}

// completed tells the upgrader that this program completed a run.
func (a *Agent) completed() {
	if a.Upgrade == nil {
		return
	}
	if err := a.Upgrade.Completed(); err != nil {
		a.Log.Warn("a new agent's first run is not on record", "error", err)
	}
}

// tryUpgrade tries a program that was fetched, and reports whether it took this one's place.
// No run is under way meanwhile.
func (a *Agent) tryUpgrade(ctx context.Context) bool {
	if a.Upgrade == nil || !a.Upgrade.Staged() || ctx.Err() != nil {
		return false
	}
	replaced, err := a.Upgrade.Try(ctx)
	if err != nil {
		a.Log.Error("upgrading the agent", "error", short(err.Error()))
	}
	return replaced
}

// pauseInTrial is how long a trial waits before it asks again.
const pauseInTrial = 5 * time.Second

// Trial shows that this program can be the agent of its host: it fetches the catalog from
// the appliance, as often as it takes until ctx ends. With dry it then makes a dry run, of
// which only a crash counts. It changes nothing on the host and reports nothing.
func (a *Agent) Trial(ctx context.Context, dry bool) error {
	if a.clock == nil {
		a.clock = &adjusted{Clock: a.Clock}
	}
	settings, base, ca, err := readSettings(a.Paths)
	if err != nil {
		return err
	}
	var cat *catalog.Catalog
	c := a.client(base, ca)
	defer func() {
		if c.mutual != nil {
			c.mutual.CloseIdleConnections()
		}
	}()
	for {
		if cat, err = a.tryCatalog(ctx, c, settings); err == nil {
			break
		}
		if !worthRetrying(err) || a.Sleep(ctx, pauseInTrial) != nil {
			return err
		}
	}
	a.Log.Info("the catalog is fetched", "version", cat.Version, "resources", len(cat.Resources))
	if !dry {
		return nil
	}
	state, _, err := a.open(true)
	if err != nil {
		return nil // the running agent has the same trouble, and has told of it
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	a.Engine.Contents.use(c)
	a.Engine.Converge(ctx, cat, state, true)
	return nil
}

// tryCatalog fetches the whole catalog, with the certificate that is there.
func (a *Agent) tryCatalog(ctx context.Context, c *client, s Settings) (*catalog.Catalog, error) {
	c.trial = true
	cert, err := c.identity(a.Paths, s.Host)
	if untimely(err) {
		if err := c.syncClock(ctx, false); err != nil {
			return nil, err
		}
		cert, err = c.identity(a.Paths, s.Host)
	}
	if err != nil {
		return nil, err
	}
	if c.mutual == nil {
		c.mutual = c.secure(cert)
	}
	cat, err := c.catalog(ctx, "")
	if err != nil {
		return nil, err
	}
	if err := usable(cat, s.Host); err != nil {
		return nil, &refusal{status: http.StatusOK, path: catalogPath, message: "the catalog is refused: " + err.Error()}
	}
	return cat, nil
}
