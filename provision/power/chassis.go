package power

import (
	"context"
	"fmt"

	"github.com/bougou/go-ipmi/pkg/command/chassis"
	"github.com/bougou/go-ipmi/pkg/types"
)

// A Status is a BMC's report on its box (Get Chassis Status, IPMI 2.0 §28.2).
type Status struct {
	On           bool
	PowerFault   bool // in the main power subsystem
	ControlFault bool // the box didn't enter the state that the BMC wanted
	Overload     bool // switched off because of it
	Interlock    bool // off because a chassis panel is open
}

// State is "on" or "off".
func (s Status) State() string {
	if s.On {
		return "on"
	}
	return "off"
}

// Status asks whether the box is on.
func (c *Controller) Status(ctx context.Context, t Target) (seen Status, err error) {
	err = c.do(ctx, "ask for the power state", t, func(ctx context.Context, s *session) (err error) {
		seen, err = s.status(ctx)
		return err
	})
	return seen, err
}

// On switches the box on and waits until it is. A box that is on stays as it is,
// also where the BMC refuses the command for that reason.
func (c *Controller) On(ctx context.Context, t Target) (Status, error) {
	return c.control(ctx, "switch on", t, chassis.ChassisControlPowerUp, true)
}

// Off switches the power off without notice to the system, and waits until it is off. It
// succeeds if the box was off already.
func (c *Controller) Off(ctx context.Context, t Target) (Status, error) {
	return c.control(ctx, "switch off", t, chassis.ChassisControlPowerDown, false)
}

// Reset restarts a box that is on.
func (c *Controller) Reset(ctx context.Context, t Target) (Status, error) {
	return c.control(ctx, "reset", t, chassis.ChassisControlHardReset, true)
}

// Cycle switches the box off and on again; a box that is off is switched on.
func (c *Controller) Cycle(ctx context.Context, t Target) (seen Status, err error) {
	err = c.do(ctx, "power-cycle", t, func(ctx context.Context, s *session) (err error) {
		seen, _, err = c.cycle(ctx, s)
		return err
	})
	return seen, err
}

func (c *Controller) control(ctx context.Context, op string, t Target, what chassis.ChassisControl, on bool) (seen Status, err error) {
	err = c.do(ctx, op, t, func(ctx context.Context, s *session) (err error) {
		if err = s.control(ctx, what); isCode(err, types.CodeNotSupported) {
			// Some BMCs (Dell's) refuse to switch on what is on and off what is off.
			var looked error
			if seen, looked = s.status(ctx); looked != nil {
				return err
			}
			if seen.On == on && what != chassis.ChassisControlHardReset {
				return nil
			}
			return notInState(err, seen)
		}
		if err != nil {
			return err
		}
		seen, err = c.settle(ctx, s, on)
		return err
	})
	return seen, err
}

// cycle returns the command that it used: "on" or "cycle". IPMI forbids cycling a box that
// is off (§28.3), so it looks first. It looks again if the box changed its state before
// the command.
func (c *Controller) cycle(ctx context.Context, s *session) (Status, string, error) {
	for again := true; ; again = false {
		before, err := s.status(ctx)
		if err != nil {
			return before, "", err
		}
		what, did := chassis.ChassisControlPowerCycle, "cycle"
		if !before.On {
			what, did = chassis.ChassisControlPowerUp, "on"
		}
		err = s.control(ctx, what)
		if isCode(err, types.CodeNotSupported) {
			if again {
				continue
			}
			return before, "", notInState(err, before)
		}
		if err != nil {
			return before, "", err
		}
		seen, err := c.settle(ctx, s, true)
		return seen, did, err
	}
}

// notInState is the error of a command that a BMC refuses for the state that its
// box is in (D5h, IPMI 2.0 table 5-2).
func notInState(err error, seen Status) error {
	return &Error{Kind: ErrRefused, Err: err, Hint: "the box is " + seen.State()}
}

// settle looks until the box is in the state wanted, or time is up.
func (c *Controller) settle(ctx context.Context, s *session, on bool) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Settle)
	defer cancel()
	var last Status
	looked := false
	for {
		seen, err := s.status(ctx)
		if err == nil {
			last, looked = seen, true
			if seen.On == on {
				return seen, nil
			}
		}
		// A BMC may be deaf for a moment while it switches: go on looking.
		if serr := sleep(ctx, c.opts.Poll); serr != nil {
			if !looked {
				return last, classify(err)
			}
			return last, &Error{Kind: ErrPowerState, Err: fmt.Errorf("it is still %s after %s", last.State(), c.opts.Settle)}
		}
	}
}

func (s *session) status(ctx context.Context) (Status, error) {
	r, err := s.c.GetChassisStatus(ctx)
	if err != nil {
		return Status{}, err
	}
	return Status{
		On: r.PowerIsOn, PowerFault: r.PowerFault, ControlFault: r.PowerControlFault,
		Overload: r.PowerOverload, Interlock: r.InterLock,
	}, nil
}

// control sends a chassis command once: were it repeated after a lost answer, a
// box would be cycled twice. (The library sends the same datagram again, which
// the session's sequence numbers make harmless.)
func (s *session) control(ctx context.Context, what chassis.ChassisControl) error {
	_, err := s.c.ChassisControl(ctx, what)
	return err
}
