package converge

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"rackhand/provision/catalog"
)

// A Demand is the reason for a run. The zero value is a run of the interval.
type Demand struct {
	Order        string // the id of the appliance's order; "" for none
	Noop         bool   // change nothing
	IgnoreWindow bool   // restarts don't wait for the maintenance window
	// Tags limit the run, as [Mode.Tags] do. Such a run doesn't count as one of the host.
	Tags []string
}

// Pauses before the agent asks for orders again when the appliance didn't answer. A restart
// of the appliance ends the waits of all hosts at once, so the pauses are random.
const (
	orderPause      = 20 * time.Second
	longestOrder    = 5 * time.Minute
	orderSilence    = 3 * catalog.OrderBeat
	mostOrderBytes  = 4 << 10
	shortOrderPause = 2 * time.Second
)

// orderTries is how many runs are made for an order whose report doesn't reach the appliance.
const orderTries = 3

// await waits until the next run is due or the appliance orders one, and returns the reason
// for that run. It ignores the order last. An error means that ctx has ended.
func (a *Agent) await(ctx context.Context, pause time.Duration, last string) (Demand, error) {
	a.noteNext(pause)
	if !a.Orders {
		return Demand{}, a.Sleep(ctx, pause)
	}
	asleep, wake := context.WithCancel(ctx)
	defer wake()
	found := make(chan Demand, 1)
	go func() {
		defer wake()
		found <- a.poll(asleep, last)
	}()
	_ = a.Sleep(asleep, pause)
	wake()
	demand := <-found
	a.unlink()
	return demand, ctx.Err()
}

// poll asks for orders until there is one other than last, or ctx ends. It doesn't return
// before that.
func (a *Agent) poll(ctx context.Context, last string) Demand {
	wasDisabled := false // in any of the questions
	for failures := 0; ctx.Err() == nil; {
		began := a.uptime()
		order, err := a.order(ctx, last, &wasDisabled)
		var refused *refusal
		switch {
		case errors.Is(err, errEnabled):
			return Demand{}
		case err == nil && order != nil:
			return Demand{Order: order.ID, Noop: order.Noop, IgnoreWindow: order.IgnoreWindow}
		case ctx.Err() != nil:
			return Demand{}
		case err == nil:
			failures = 0
		case errors.As(err, &refused) && !away(err):
			// The appliance is older than orders, or refuses this host; the next run shows which.
			a.Log.Debug("the appliance gives no orders", "error", short(err.Error()))
			<-ctx.Done()
			return Demand{}
		default:
			if a.uptime()-began > catalog.OrderBeat {
				failures = 0
			}
			failures++
		}
		pause := shortOrderPause
		if failures > 0 {
			pause = min(orderPause<<min(failures-1, 10), longestOrder)
			a.unlink()
		}
		if a.pause(ctx, pause/2+time.Duration(a.Random.Int64N(int64(pause)))) != nil {
			break
		}
	}
	<-ctx.Done()
	return Demand{}
}

func (a *Agent) pause(ctx context.Context, d time.Duration) error {
	if a.rest == nil {
		return Sleep(ctx, d)
	}
	return a.rest(ctx, d)
}

// errEnabled: the agent was disabled when the wait began, and isn't any more.
var errEnabled = errors.New("the agent was enabled")

// order waits for one order, over the connection of the latest run where there is one. Nil
// without an error: there is none yet, ask again.
func (a *Agent) order(ctx context.Context, last string, wasDisabled *bool) (*catalog.Order, error) {
	// enabled is asked first, as the appliance may not answer, and at each beat.
	enabled := func() bool {
		before := *wasDisabled
		*wasDisabled = a.disabled() != nil
		return before && !*wasDisabled
	}
	if enabled() {
		return nil, errEnabled
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c, err := a.linked()
	if err != nil {
		return nil, err
	}
	address := c.base.JoinPath(catalog.OrdersPath)
	address.RawQuery = url.Values{"last": {last}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	c.sayVersion(req)
	silence := time.AfterFunc(orderSilence, func() { cancel(fmt.Errorf("silent for %s", orderSilence)) })
	defer silence.Stop()
	resp, err := c.mutual.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking for orders: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, newRefusal(resp, catalog.OrdersPath)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, mostOrderBytes)
	for lines.Scan() {
		silence.Reset(orderSilence)
		if len(lines.Bytes()) == 0 {
			if enabled() {
				return nil, errEnabled
			}
			continue
		}
		var o catalog.Order
		err := json.Unmarshal(lines.Bytes(), &o)
		if err == nil {
			err = o.Validate()
		}
		if err != nil {
			return nil, fmt.Errorf("an order: %w", err)
		}
		if o.ID != last {
			return &o, nil
		}
	}
	return nil, lines.Err()
}

// linkTo keeps the connection of a run to wait for orders on it; otherwise it is closed.
func (a *Agent) linkTo(c *client) {
	a.link = c
	if !a.Orders {
		a.unlink()
	}
}

func (a *Agent) unlink() {
	if a.link != nil && a.link.mutual != nil {
		a.link.mutual.CloseIdleConnections()
	}
	a.link = nil
}

// linked is a client with the host's certificate.
func (a *Agent) linked() (*client, error) {
	if a.link != nil && a.link.mutual != nil {
		return a.link, nil
	}
	settings, base, ca, err := readSettings(a.Paths)
	if err != nil {
		return nil, err
	}
	c := a.client(base, ca)
	cert, err := c.identity(a.Paths, settings.Host)
	if err != nil {
		return nil, err
	}
	c.mutual = c.secure(cert)
	a.link = c
	return c, nil
}

// reportTagged reports a run that was limited by tags, as far as the appliance can be asked
// now: the next whole run says the rest. An appliance from before tags isn't told, since it
// would take the report for one of the whole host.
func (a *Agent) reportTagged(ctx context.Context, c *client, r catalog.Report) {
	if c.mutual == nil || c.away || c.format < catalog.Format3 {
		return
	}
	if err := a.sendReport(ctx, c, r); err != nil {
		a.Log.Warn("the appliance doesn't accept the report of a run with tags", "error", short(err.Error()))
	}
}

// reportNoop reports a dry run that was ordered. The report isn't saved: a dry run changes
// nothing, and the appliance repeats the order.
func (a *Agent) reportNoop(ctx context.Context, c *client, r catalog.Report) error {
	if r.Order == "" || c.mutual == nil {
		return nil
	}
	if err := a.sendReport(ctx, c, r); err != nil {
		return fmt.Errorf("reporting the dry run: %w", err)
	}
	a.answered = r.Order
	return nil
}
