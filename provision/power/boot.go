package power

import (
	"context"
	"errors"

	"rackhand/provision/bmc"
)

// BootOptions say how a boot device is set.
type BootOptions struct {
	Persistent bool // for all boots, not only for the next
	EFI        bool // a UEFI boot; Target.EFI says the same
}

// A Sequence holds the results of several steps.
type Sequence struct {
	Boot   bmc.Boot   // as read back before the box started
	Action string     // "on", "off, on" or "cycle"
	Status bmc.Status // after it
}

// GetBoot reads the boot override.
func (c *Controller) GetBoot(ctx context.Context, t bmc.Target) (seen bmc.Boot, err error) {
	err = c.read(ctx, "read the boot device", t, func(ctx context.Context, o *operation) (err error) {
		seen, err = o.Boot(ctx)
		return err
	})
	return seen, err
}

// SetBoot sets the boot override, reads it back and returns the result (see [bmc.Compare]).
// If a box boots from its disk in spite of the override, its missing request shows that.
func (c *Controller) SetBoot(ctx context.Context, t bmc.Target, dev bmc.BootDevice, opts BootOptions) (seen bmc.Boot, err error) {
	opts.EFI = opts.EFI || t.EFI
	err = c.do(ctx, "set the boot device", t, func(ctx context.Context, o *operation) (err error) {
		seen, err = o.setBoot(ctx, dev, opts)
		return err
	})
	return seen, err
}

// PXEOnce is how an install begins: bmc.PXE for the next boot only, read back. Then the box is
// switched off, seen off, switched on and seen on; one that is off is switched on. While it is
// off, the override is read again, and set again if it was lost: a BMC may forget it a minute
// after it was set, or when the power goes.
func (c *Controller) PXEOnce(ctx context.Context, t bmc.Target) (seen Sequence, err error) {
	err = c.do(ctx, "boot from the network once", t, func(ctx context.Context, o *operation) (err error) {
		opts := BootOptions{EFI: t.EFI}
		if seen.Boot, err = o.setBoot(ctx, bmc.PXE, opts); err != nil {
			return err
		}
		seen.Status, seen.Action, err = o.cycle(ctx, func() (err error) {
			seen.Boot, err = o.ensureBoot(ctx, bmc.PXE, opts)
			var e *bmc.Error
			if errors.As(err, &e) {
				e.Hint = "it kept it until the power was off, and the box is off now; switch it on and choose network boot on its console"
			}
			return err
		})
		return err
	})
	return seen, err
}

// rereads is how often an override that isn't as wanted is read again: some BMCs show the old
// one for a moment.
const rereads = 2

// wanted is the override that is set for a box.
func (o *operation) wanted(dev bmc.BootDevice, opts BootOptions) bmc.Boot {
	return bmc.Boot{Device: dev, Valid: dev != bmc.None, Persistent: opts.Persistent, EFI: opts.EFI && !o.t.Quirks.NoEFIBit}
}

// ensureBoot reads the override, and sets it again if it isn't the wanted one or can't be read.
func (o *operation) ensureBoot(ctx context.Context, dev bmc.BootDevice, opts BootOptions) (bmc.Boot, error) {
	if !o.t.Quirks.NoReadback {
		if seen, err := o.Boot(ctx); err == nil {
			if seen, err = o.compare(o.wanted(dev, opts), seen); err == nil {
				return seen, nil
			}
		}
	}
	return o.setBoot(ctx, dev, opts)
}

// compare is [bmc.Compare]. An IPMI BMC may boot by an override whose valid bit is lost when it
// is read; a Redfish one that says Disabled has none.
func (o *operation) compare(want, seen bmc.Boot) (bmc.Boot, error) {
	if want.Device != bmc.None && !seen.Valid && o.k.memory.Protocol == bmc.Redfish {
		seen.Device = bmc.None
	}
	return bmc.Compare(want, seen)
}

// setBoot writes a boot override, reads it back and compares. A BMC that refuses for the
// moment is asked again. One that refuses and has it then did it (400 of Dell's 13G).
func (o *operation) setBoot(ctx context.Context, dev bmc.BootDevice, opts BootOptions) (bmc.Boot, error) {
	want := o.wanted(dev, opts)
	failed := o.writeBoot(ctx, want)
	if failed != nil && !errors.Is(failed, bmc.ErrRefused) {
		return bmc.Boot{}, failed
	}
	if o.t.Quirks.NoReadback {
		return o.unread(dev, opts), failed
	}
	for try := 0; ; try++ {
		seen, err := o.Boot(ctx)
		switch {
		case failed != nil:
			if err == nil {
				seen, err = o.compare(want, seen)
			}
			if err != nil || seen.Lost != "" || dev == bmc.None {
				return seen, failed
			}
			seen.Note = "the BMC refused it, and has it"
			return seen, nil
		case errors.Is(err, bmc.ErrUnsupported):
			return o.unread(dev, opts), nil
		case err != nil:
			return seen, err
		}
		if seen, err = o.compare(want, seen); err == nil || try >= rereads {
			return seen, err
		}
		if err := o.sleep(ctx, 2*o.c.opts.Poll); err != nil {
			return seen, err
		}
	}
}

// writeBoot writes an override, and waits while the BMC can't at the moment: iLOs refuse it
// while the box is in its firmware's start.
func (o *operation) writeBoot(ctx context.Context, want bmc.Boot) error {
	end := o.c.opts.Now().Add(o.t.Settle)
	for {
		err := o.SetBoot(ctx, want)
		if !errors.Is(err, bmc.ErrNotReady) || !o.c.opts.Now().Before(end) {
			return err
		}
		if serr := o.sleep(ctx, o.refusalPause(err)); serr != nil {
			return serr
		}
	}
}

// unread is an override that was set and can't be read back.
func (o *operation) unread(dev bmc.BootDevice, opts BootOptions) bmc.Boot {
	b := o.wanted(dev, opts)
	b.Note = "this BMC can't be asked for it; the box's request for an address will show it"
	return b
}
