package power

import (
	"context"
	"errors"
	"time"

	"rackhand/provision/bmc"
)

// login opens a session with the quirks in force, no earlier than they allow. Before power or
// boot device of an unknown BMC change, it asks the BMC for its model. If that brings quirks,
// it logs in again with them.
func (o *operation) login(ctx context.Context) error {
	for {
		given := o.t
		o.t.Quirks = o.quirks()
		if err := o.pause(ctx); err != nil {
			return err
		}
		s, t, err := o.open(ctx)
		if err != nil {
			o.t = t
			o.k.closed = o.c.opts.Now()
			return err
		}
		o.Session, o.t.Quirks = s, t.Quirks
		if !o.careful || o.k.memory.Asked {
			return nil
		}
		o.identify(ctx)
		if o.quirks() == o.t.Quirks {
			return nil
		}
		o.logout(ctx)
		o.t = given
	}
}

// identify asks a BMC who it is. A BMC that doesn't say has the quirks of the inventory alone.
func (o *operation) identify(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, o.c.opts.Timeout)
	defer cancel()
	_, err := o.Info(ctx)
	if errors.Is(err, bmc.ErrUnsupported) {
		o.k.memory.Asked = true
	} else if err != nil {
		o.c.log.Debug("a BMC doesn't say its model", "bmc", o.t, "error", err)
	}
}

// quirks are those in force.
func (o *operation) quirks() bmc.Quirks {
	var given []bmc.AppliedQuirk
	if o.t.Given != nil {
		given = o.t.Given(o.k.memory)
	}
	q, _ := bmc.Apply(o.k.memory, given)
	return q
}

// pause waits until the BMC may be logged in to again.
func (o *operation) pause(ctx context.Context) error {
	least := o.t.Quirks.MinPause
	if least == 0 || o.k.closed.IsZero() {
		return nil
	}
	if wait := o.k.closed.Add(least).Sub(o.c.opts.Now()); wait > 0 {
		return o.sleep(ctx, min(wait, least))
	}
	return nil
}

func (o *operation) sleep(ctx context.Context, d time.Duration) error {
	if err := o.c.opts.Sleep(ctx, d); err != nil {
		return &bmc.Error{Kind: bmc.ErrBusy, Err: err}
	}
	return nil
}
