package power

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rackhand/provision/bmc"
)

// Status asks whether the box is on.
func (c *Controller) Status(ctx context.Context, t bmc.Target) (seen bmc.Status, err error) {
	err = c.read(ctx, "ask for the power state", t, func(ctx context.Context, o *operation) (err error) {
		seen, err = o.Status(ctx)
		return err
	})
	return seen, err
}

// On switches the box on and waits until it is. A box that is on stays as it is, also where
// the BMC refuses the command for that reason.
func (c *Controller) On(ctx context.Context, t bmc.Target) (seen bmc.Status, err error) {
	err = c.do(ctx, "switch on", t, func(ctx context.Context, o *operation) (err error) {
		seen, err = o.switchTo(ctx, true)
		return err
	})
	return seen, err
}

// Off switches the power off without notice to the system, and waits until it is off. It
// succeeds if the box was off already.
func (c *Controller) Off(ctx context.Context, t bmc.Target) (seen bmc.Status, err error) {
	err = c.do(ctx, "switch off", t, func(ctx context.Context, o *operation) (err error) {
		seen, err = o.switchTo(ctx, false)
		return err
	})
	return seen, err
}

// SoftOff asks the system to shut down, and waits for that at most limit. Then it switches
// the power off if hard is set, and returns forced; otherwise the error is [bmc.ErrPowerState].
func (c *Controller) SoftOff(ctx context.Context, t bmc.Target, limit time.Duration, hard bool) (seen bmc.Status, forced bool, err error) {
	err = c.do(ctx, "shut the system down", t, func(ctx context.Context, o *operation) (err error) {
		seen, err = o.softOff(ctx, limit)
		if hard && (errors.Is(err, bmc.ErrPowerState) || errors.Is(err, bmc.ErrUnsupported)) {
			forced = true
			seen, err = o.switchTo(ctx, false)
		}
		return err
	})
	return seen, forced, err
}

// Reset restarts a box that is on. No state shows that it has: the box's next request does.
// For a box that is off it is an error, before anything is sent.
func (c *Controller) Reset(ctx context.Context, t bmc.Target) (bmc.Status, error) {
	return c.whileOn(ctx, "reset", t, bmc.Reset)
}

// NMI sends the system a diagnostic interrupt, by which it writes its dump. No state shows
// that it did.
func (c *Controller) NMI(ctx context.Context, t bmc.Target) (bmc.Status, error) {
	return c.whileOn(ctx, "send a diagnostic interrupt", t, bmc.NMI)
}

// Cycle switches the box off, sees it off, switches it on and sees it on; a box that is off
// is switched on. The BMC's own cycle can be taken and swallowed, and no state tells: it is
// used where a quirk says so ([bmc.Quirks].OwnCycle), and must be seen to take effect.
func (c *Controller) Cycle(ctx context.Context, t bmc.Target) (seen bmc.Status, err error) {
	err = c.do(ctx, "power-cycle", t, func(ctx context.Context, o *operation) (err error) {
		seen, _, err = o.cycle(ctx, nil)
		return err
	})
	return seen, err
}

// switchTo brings the box into a state. The command is sent even when the BMC reports that
// state already: the report may be old.
func (o *operation) switchTo(ctx context.Context, on bool) (bmc.Status, error) {
	what := bmc.PowerOff
	if on {
		what = bmc.PowerOn
	}
	if err := o.command(ctx, what, on); err != nil && !silence(err) {
		seen, _ := o.look(ctx)
		return seen, err
	}
	return o.settle(ctx, on)
}

// cycle returns the command that it used: "on", "off, on" or "cycle". off, if given, is done
// between off and on, by a box that was on.
func (o *operation) cycle(ctx context.Context, off func() error) (bmc.Status, string, error) {
	before, err := o.look(ctx)
	if err != nil {
		return before, "", err
	}
	if before.On && o.t.Quirks.OwnCycle {
		seen, err := o.ownCycle(ctx)
		if !refused(err) {
			return seen, "cycle", err
		}
	}
	did := "on"
	if before.On || before.Changing {
		did = "off, on"
		if seen, err := o.switchTo(ctx, false); err != nil {
			return seen, "", err
		}
		if off != nil {
			if err := off(); err != nil {
				return bmc.Status{}, "", err
			}
		}
	}
	seen, err := o.switchTo(ctx, true)
	return seen, did, err
}

// ownCycle lets the BMC cycle a box that is on: it must be seen off, and on after that.
func (o *operation) ownCycle(ctx context.Context) (bmc.Status, error) {
	if err := o.send(ctx, bmc.PowerCycle); err != nil && !silence(err) {
		return bmc.Status{On: true}, err
	}
	if seen, err := o.settle(ctx, false); err != nil {
		if errors.Is(err, bmc.ErrPowerState) {
			err = &bmc.Error{
				Kind: bmc.ErrPowerState, Err: fmt.Errorf("the BMC took the command cycle, and the box was never seen off in %s", o.t.Settle),
				Hint: "write `quirks: [{cycle: off-on}]` for it, so that it is switched off and on",
			}
		}
		return seen, err
	}
	return o.settle(ctx, true)
}

// refused reports whether a BMC has no such command, or not in this state (CCh, D5h; a
// Redfish service without PowerCycle).
func refused(err error) bool {
	return errors.Is(err, bmc.ErrUnsupported) || errors.Is(err, bmc.ErrRefused) || errors.Is(err, bmc.ErrState) || errors.Is(err, bmc.ErrNotReady)
}

// softOff asks the system to shut down and waits for that.
func (o *operation) softOff(ctx context.Context, limit time.Duration) (bmc.Status, error) {
	if seen, err := o.look(ctx); err != nil || !seen.On && !seen.Changing {
		return seen, err
	}
	if err := o.command(ctx, bmc.SoftOff, false); err != nil {
		return bmc.Status{On: true}, err
	}
	settle := o.t.Settle
	defer func() { o.t.Settle = settle }()
	o.t.Settle = limit
	seen, err := o.settle(ctx, false)
	var e *bmc.Error
	if errors.Is(err, bmc.ErrPowerState) && errors.As(err, &e) {
		e.Hint = "its system doesn't shut down: look at its console, or switch its power off"
	}
	return seen, err
}

// whileOn sends a command that needs a box that is on, and doesn't change that.
func (c *Controller) whileOn(ctx context.Context, op string, t bmc.Target, what bmc.Command) (seen bmc.Status, err error) {
	err = c.do(ctx, op, t, func(ctx context.Context, o *operation) (err error) {
		if seen, err = o.look(ctx); err != nil {
			return err
		}
		if !seen.On {
			return &bmc.Error{Kind: bmc.ErrRefused, Err: errors.New("nothing was sent"), Hint: "the box is off: switch it on"}
		}
		if err = o.send(ctx, what); err != nil {
			if errors.Is(err, bmc.ErrState) {
				err = notInState(err, seen)
			}
			return err
		}
		seen, err = o.settle(ctx, true)
		return err
	})
	return seen, err
}
