package converge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"

	"rackhand/provision/catalog"
)

// A disabling is what disabled.json holds. In the boot in which it was written it ends by
// monotonic time. In a later one only the clock can tell; it then lasts at most as long as
// it was meant to.
type disabling struct {
	Reason string        `json:"reason"`
	Until  time.Time     `json:"until"`
	For    time.Duration `json:"for"`
	Boot   string        `json:"boot,omitempty"`
	Up     time.Duration `json:"up,omitempty"` // when For began, since that boot
}

// left is how long it lasts still.
func (d disabling) left(now time.Time, boot string, up time.Duration) time.Duration {
	if boot != "" && boot == d.Boot {
		return d.For - (up - d.Up)
	}
	return min(d.Until.Sub(now), d.For)
}

// Disable stops all runs but dry ones for a while, and returns until when. The appliance
// hears of it at once where it can be reached; told is why it doesn't.
func (a *Agent) Disable(ctx context.Context, reason string, until time.Time) (told, err error) {
	a.setClock()
	d := disabling{Reason: reason, Until: until, For: until.Sub(a.clock.now())}
	switch {
	case strings.TrimSpace(reason) == "":
		return nil, errors.New("a reason is wanted, for those who find the host disabled")
	case len(reason) > catalog.MaxReason || strings.ContainsFunc(reason, func(r rune) bool { return !unicode.IsPrint(r) }):
		return nil, fmt.Errorf("a reason is one line of at most %d bytes", catalog.MaxReason)
	case d.For <= 0:
		return nil, fmt.Errorf("%s has passed already", until.Format(time.RFC3339))
	case d.For > catalog.MaxDisabled:
		return nil, fmt.Errorf("an agent is disabled for %d days at most, so that it is not forgotten", int(catalog.MaxDisabled.Hours())/24)
	}
	if a.Uptime != nil {
		d.Boot, d.Up = a.Uptime()
	}
	b, err := json.Marshal(d)
	if err == nil {
		err = os.MkdirAll(a.Paths.folder(), 0o700)
	}
	if err == nil {
		err = writeFile(a.Paths.disabled(), b)
	}
	if err != nil {
		return nil, fmt.Errorf("disabling the agent: %w", err)
	}
	c, err := a.linked()
	if err == nil {
		defer a.unlink()
		_, err = a.tellDisabled(ctx, c, catalog.Report{}, a.disabled()) // the certificate names the host
	}
	return err, nil
}

// Enable ends what Disable began, and reports whether there was anything to end. The
// appliance hears of it at once where it can be reached; told is why it doesn't.
func (a *Agent) Enable(ctx context.Context) (was bool, told, err error) {
	a.setClock()
	_, err = os.Stat(a.Paths.disabled())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil, nil
	}
	if err := removeFile(a.Paths.disabled()); err != nil {
		return true, nil, err
	}
	c, err := a.linked()
	if err == nil {
		defer a.unlink()
		_, err = a.tellDisabled(ctx, c, catalog.Report{}, &catalog.Disabled{Until: a.clock.now().UTC()})
	}
	return true, err, nil
}

// disabled says whether and for how long the agent makes no runs; nil when it does.
func (a *Agent) disabled() *catalog.Disabled {
	a.setClock()
	b, err := readFile(a.Paths.disabled(), 64<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var d disabling
	if err == nil {
		err = json.Unmarshal(b, &d)
	}
	if err != nil {
		// Somebody meant it to be disabled: it is, until it is clear what was meant.
		d = disabling{Reason: a.Paths.disabled() + " can't be read: run `rackhand-agent enable`", For: catalog.MaxDisabled}
		if info, err := os.Stat(a.Paths.disabled()); err == nil {
			d.Until = info.ModTime().Add(d.For)
		}
	}
	boot, up := "", time.Duration(0)
	if a.Uptime != nil {
		boot, up = a.Uptime()
	}
	left := min(d.left(a.clock.now(), boot, up), catalog.MaxDisabled)
	if left <= 0 {
		return nil
	}
	return &catalog.Disabled{Reason: d.Reason, Until: a.clock.now().Add(left).UTC(), Left: left.Seconds()}
}

func (a *Agent) setClock() {
	if a.clock == nil {
		a.clock = &adjusted{Clock: a.Clock}
	}
}

// A DisabledError is why there was no run.
type DisabledError struct{ catalog.Disabled }

func (e *DisabledError) Error() string {
	return fmt.Sprintf("this agent is disabled until %s because: %s; `rackhand-agent enable` ends that", e.Until.Local().Format("2 Jan 2006 15:04 MST"), e.Reason)
}

// reportDisabled is what a run comes to while the agent is disabled: the appliance hears
// that it is.
func (a *Agent) reportDisabled(ctx context.Context, c *client, r catalog.Report, d *catalog.Disabled) (catalog.Report, error) {
	why := &DisabledError{*d}
	a.Log.Warn("no run", "error", why)
	cert, err := c.identity(a.Paths, r.Host)
	if err == nil {
		c.mutual = c.secure(cert)
		r, err = a.tellDisabled(ctx, c, r, d)
	}
	if err != nil {
		a.Log.Warn("the appliance does not hear that the agent is disabled", "error", short(err.Error()))
	} else if r.Order != "" {
		a.answered = r.Order
	}
	r.Disabled = d
	return r, why
}

func (a *Agent) tellDisabled(ctx context.Context, c *client, r catalog.Report, d *catalog.Disabled) (catalog.Report, error) {
	if d == nil { // it has just ended
		return r, nil
	}
	r.Status, r.Disabled = catalog.Failed, d
	if d.Left > 0 {
		r.Error = short((&DisabledError{*d}).Error())
	}
	r.Started = a.clock.now().UTC()
	r.Finished = r.Started
	ctx, cancel := context.WithTimeout(ctx, patienceOnceMore)
	defer cancel()
	return r, c.do(ctx, c.mutual, "POST", "/v1/report", r, nil, 0)
}
