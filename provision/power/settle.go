package power

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rackhand/provision/bmc"
)

// settle looks until the box is in the wanted state, or time is up. A BMC may be deaf for a
// while as it switches, and may drop the session. Then it is opened again. At the end, a BMC
// that was not heard since is told apart from a box that did not change.
func (o *operation) settle(ctx context.Context, on bool) (bmc.Status, error) {
	began := o.c.opts.Now()
	end := began.Add(o.t.Settle)
	var last bmc.Status
	var heard time.Time // when the BMC answered last
	for {
		seen, err := o.look(ctx)
		now := o.c.opts.Now()
		switch {
		case err == nil && seen.On == on && !seen.Changing:
			return seen, nil
		case err == nil:
			last, heard = seen, now
		case !lost(err):
			return last, err
		}
		if !now.Before(end) {
			return last, o.unsettled(on, last, began, heard, err)
		}
		if serr := o.sleep(ctx, o.c.opts.Poll); serr != nil {
			return last, serr
		}
	}
}

// unsettled is the error of a box that wasn't seen in the wanted state.
func (o *operation) unsettled(on bool, last bmc.Status, began, heard time.Time, err error) error {
	switch {
	case err != nil && heard.IsZero():
		return &bmc.Error{Kind: bmc.ErrSilent, Err: fmt.Errorf("no answer for %s after the command", o.t.Settle)}
	case err != nil:
		return &bmc.Error{Kind: bmc.ErrSilent, Err: fmt.Errorf("%s after the command the box was %s; no answer since", heard.Sub(began).Round(time.Second), last.State())}
	}
	e := &bmc.Error{Kind: bmc.ErrPowerState, Err: fmt.Errorf("it is still %s after %s", last.State(), o.t.Settle)}
	switch {
	case last.Changing:
		e.Err = fmt.Errorf("it is still switching %s after %s", bmc.Status{On: on}.State(), o.t.Settle)
		e.Hint = "raise bmc.settle if the box needs longer"
	case last.Interlock:
		e.Hint = "a panel of its chassis is open: close it"
	case last.Overload:
		e.Hint = "the BMC reports a power overload: look at its power supplies"
	case last.PowerFault:
		e.Hint = "the BMC reports a fault of its power: look at its power supplies"
	case last.ControlFault:
		e.Hint = "the BMC says itself that the box did not follow: look at the box"
	}
	return e
}

// look asks for the power state once. After a lost session it opens another one.
func (o *operation) look(ctx context.Context) (bmc.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, o.c.opts.Timeout)
	defer cancel()
	seen, err := o.Status(ctx)
	if err != nil && silence(err) {
		if aerr := o.again(ctx); aerr != nil {
			return seen, aerr
		}
		seen, err = o.Status(ctx)
	}
	return seen, err
}

// silence reports whether no answer came: the command may have arrived, and the state tells.
func silence(err error) bool {
	return errors.Is(err, bmc.ErrUnreachable) || errors.Is(err, bmc.ErrSilent) || errors.Is(err, context.DeadlineExceeded)
}

// lost reports whether an error means that the BMC, or its session, may be back in a moment.
func lost(err error) bool {
	return silence(err) || errors.Is(err, bmc.ErrNotReady) || errors.Is(err, bmc.ErrSessions)
}

// command sends one command, and waits while the BMC says that it can't at the moment, as
// some do for a minute after the box went off. as is the state in which a refusal is right:
// some BMCs refuse to switch on what is on (D5h; 409).
func (o *operation) command(ctx context.Context, what bmc.Command, as bool) error {
	end := o.c.opts.Now().Add(o.t.Settle)
	for {
		err := o.send(ctx, what)
		if !errors.Is(err, bmc.ErrState) && !errors.Is(err, bmc.ErrNotReady) {
			return err
		}
		seen, lerr := o.look(ctx)
		switch {
		case lerr == nil && seen.On == as && !seen.Changing:
			return nil
		case !o.c.opts.Now().Before(end):
			if lerr != nil {
				return err
			}
			return notInState(err, seen)
		}
		if serr := o.sleep(ctx, o.refusalPause(err)); serr != nil {
			return serr
		}
	}
}

// refusalPause is the pause before something refused is sent again: ten pauses between looks,
// or what the BMC asks for.
func (o *operation) refusalPause(err error) time.Duration {
	var e *bmc.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return min(e.RetryAfter, o.t.Settle)
	}
	return 10 * o.c.opts.Poll
}

// send sends a command once, within its time. Were it repeated after a lost answer, a box
// would be switched twice: whether it was carried out is seen by the state.
func (o *operation) send(ctx context.Context, what bmc.Command) error {
	ctx, cancel := context.WithTimeout(ctx, o.c.opts.Timeout)
	defer cancel()
	return o.Power(ctx, what)
}

// notInState is the error of a command that a BMC refuses for the state that its
// box is in (D5h, IPMI 2.0 table 5-2).
func notInState(err error, seen bmc.Status) error {
	return &bmc.Error{Kind: bmc.ErrRefused, Err: err, Hint: "the box is " + seen.State()}
}
