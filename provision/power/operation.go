package power

import (
	"context"
	"errors"
	"reflect"
	"time"

	"rackhand/inventory"
	"rackhand/provision/bmc"
	"rackhand/provision/trace"
)

// longest bounds what is done in one session.
const longest = 15 * time.Minute

// An operation is one turn at a BMC: the target with the quirks in force, and the session.
// It is a session itself, for functions that need no more.
type operation struct {
	bmc.Session
	c *Controller
	t bmc.Target
	k *known
	// careful: the quirks must be known before anything is done.
	careful bool
}

// With takes the turn at a BMC, opens a session, runs f in it and closes it. op names the
// operation in errors and traces: "read the event log". The login asks for the target's
// privilege, or for need if that is higher. Errors that f returns get the operation and the
// BMC's address; one that wraps [bmc.ErrUnsupported] stays as it is.
func (c *Controller) With(ctx context.Context, op string, t bmc.Target, need bmc.Privilege, f func(context.Context, bmc.Session) error) error {
	t.Privilege = need.AtLeast(t.Privilege.AtLeast(bmc.Operator))
	return c.run(ctx, op, t, false, func(ctx context.Context, o *operation) error { return f(ctx, o) })
}

// do is With for power and boot device, which an operator may set.
func (c *Controller) do(ctx context.Context, op string, t bmc.Target, f func(context.Context, *operation) error) error {
	t.Privilege = t.Privilege.AtLeast(bmc.Operator)
	return c.run(ctx, op, t, true, f)
}

// read is do for what changes nothing: when the BMC falls silent in mid-session, it is tried
// again whole.
func (c *Controller) read(ctx context.Context, op string, t bmc.Target, f func(context.Context, *operation) error) error {
	opened := false
	t.Privilege = t.Privilege.AtLeast(bmc.Operator)
	once := func() error {
		return c.run(ctx, op, t, false, func(ctx context.Context, o *operation) error {
			opened = true
			return f(ctx, o)
		})
	}
	err := once()
	if opened && silence(err) && ctx.Err() == nil {
		return once()
	}
	return err
}

// run runs f in an operation and traces that.
func (c *Controller) run(ctx context.Context, op string, t bmc.Target, careful bool, f func(context.Context, *operation) error) error {
	began := c.opts.Now()
	err := c.inTurn(ctx, op, t, careful, f)
	if c.opts.Trace != nil && t.Box != (inventory.MAC{}) {
		c.opts.Trace(trace.BMC{Box: t.Box, Address: t.Address.Addr(), Command: op, Took: c.opts.Now().Sub(began), Err: err})
	}
	return err
}

// inTurn runs f when no other operation is at the BMC.
func (c *Controller) inTurn(ctx context.Context, op string, t bmc.Target, careful bool, f func(context.Context, *operation) error) error {
	if !t.Address.Addr().IsValid() {
		return errors.New("power: the BMC has no address: give one in the inventory under bmc")
	}
	if t.Settle == 0 {
		t.Settle = c.opts.Settle
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	k := c.known(t.Address)
	if err := c.take(ctx, k, t); err != nil {
		return bmc.Named(op, t, err)
	}
	ctx, left := k.way.enter(ctx)
	defer func() { left(); k.turn <- struct{}{} }()
	c.recall(ctx, k)
	before := k.memory
	o := &operation{c: c, t: t, k: k, careful: careful}
	err := o.login(ctx)
	if err == nil {
		defer o.logout(ctx)
		err = f(ctx, o)
	}
	if !reflect.DeepEqual(k.memory, before) {
		c.keep(ctx, k)
	}
	if err = gaveWay(ctx, err); err != nil {
		return bmc.Named(op, o.t, err)
	}
	return nil
}

// take takes the turn at a BMC. An operation that waits for the box to switch needs its time.
func (c *Controller) take(ctx context.Context, k *known, t bmc.Target) error {
	select {
	case <-k.turn:
		return nil
	default:
	}
	if inBackground(ctx) {
		return &bmc.Error{Kind: bmc.ErrBusy}
	}
	defer k.way.wait()()
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout+2*t.Settle)
	defer cancel()
	select {
	case <-k.turn:
		return nil
	case <-ctx.Done():
		return &bmc.Error{Kind: bmc.ErrBusy, Err: ctx.Err()}
	}
}

// logout closes the session.
func (o *operation) logout(ctx context.Context) {
	if o.Session == nil {
		return
	}
	o.Session.Close(ctx)
	o.Session, o.k.closed = nil, o.c.opts.Now()
}

// again replaces a session that a BMC doesn't answer any more: some drop it when the power
// changes.
func (o *operation) again(ctx context.Context) error {
	old := o.Session
	o.logout(ctx)
	if err := o.login(ctx); err != nil {
		o.Session = closed{old}
		return err
	}
	return nil
}

// A closed session stands in for one that could not be opened again.
type closed struct{ bmc.Session }

func (closed) Status(context.Context) (bmc.Status, error) {
	return bmc.Status{}, &bmc.Error{Kind: bmc.ErrUnreachable}
}
func (closed) Close(context.Context) {}

// Info notes which BMC it is, for the shipped quirks.
func (o *operation) Info(ctx context.Context) (bmc.Info, error) {
	i, err := o.Session.Info(ctx)
	if err == nil {
		o.k.memory.Identify(i)
	}
	return i, err
}
