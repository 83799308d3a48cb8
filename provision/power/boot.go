package power

import (
	"context"
	"fmt"
	"strings"

	"github.com/bougou/go-ipmi/pkg/types"
)

// A BootDevice is the device that a box boots from.
type BootDevice string

// The devices that may be set.
const (
	PXE  BootDevice = "pxe"
	Disk BootDevice = "disk"
	None BootDevice = "none" // no override: the firmware's own order
)

// BootOptions say how a boot device is set.
type BootOptions struct {
	Persistent bool // for all boots, not only for the next
	EFI        bool // a UEFI boot; Target.EFI says the same
}

// A Boot is a BMC's boot override (boot option parameter 5, IPMI 2.0 table 28-14).
type Boot struct {
	Device     BootDevice // or another device by its name, if the BMC holds such
	Valid      bool       // false: spent, expired or never set
	Persistent bool
	EFI        bool
	// Note names the bits that the BMC lost, if the loss may be harmless; "" if it lost
	// nothing.
	Note string
}

// String shows it for people: "pxe (once, EFI)", with the Note after it.
func (b Boot) String() string {
	if b.Note != "" {
		return b.flags() + "; " + b.Note
	}
	if !b.Valid {
		return "no override"
	}
	return b.flags()
}

func (b Boot) flags() string {
	how := "once"
	if b.Persistent {
		how = "persistent"
	}
	if b.EFI {
		how += ", EFI"
	}
	return fmt.Sprintf("%s (%s)", b.Device, how)
}

// A Sequence holds the results of several steps.
type Sequence struct {
	Boot   Boot   // as read back before the box started
	Action string // "on" or "cycle"
	Status Status // after it
}

// GetBoot reads the boot override.
func (c *Controller) GetBoot(ctx context.Context, t Target) (seen Boot, err error) {
	err = c.do(ctx, "read the boot device", t, func(ctx context.Context, s *session) (err error) {
		seen, err = s.readBoot(ctx)
		return err
	})
	return seen, err
}

// SetBoot sets the boot override, reads it back and returns the result. Some BMCs accept an
// override and keep another one. That is an error ([ErrBootDevice]), because it can mean
// that a box reinstalls itself in a loop. With the right device, a lost bit (valid,
// persistent, EFI) is only noted: many BMCs lose one on reading, but still boot by it. If
// such a box boots from its disk instead, its missing request shows that.
func (c *Controller) SetBoot(ctx context.Context, t Target, dev BootDevice, o BootOptions) (seen Boot, err error) {
	o.EFI = o.EFI || t.EFI
	err = c.do(ctx, "set the boot device", t, func(ctx context.Context, s *session) (err error) {
		seen, err = s.setBoot(ctx, dev, o)
		return err
	})
	return seen, err
}

// PXEOnce is how an install begins: PXE for the next boot only, read back, then
// a power cycle, or power on for a box that is off; all in one session.
func (c *Controller) PXEOnce(ctx context.Context, t Target) (seen Sequence, err error) {
	err = c.do(ctx, "boot from the network once", t, func(ctx context.Context, s *session) (err error) {
		if seen.Boot, err = s.setBoot(ctx, PXE, BootOptions{EFI: t.EFI}); err != nil {
			return err
		}
		seen.Status, seen.Action, err = c.cycle(ctx, s)
		return err
	})
	return seen, err
}

func (s *session) setBoot(ctx context.Context, dev BootDevice, o BootOptions) (Boot, error) {
	selector, err := selectorOf(dev)
	if err != nil {
		return Boot{}, err
	}
	// Else the override is forgotten 60 s later (parameter 3, bit 3). Old BMCs
	// refuse the parameter: then the box has to start within that time.
	noTimeout := &types.BootOptionParam_BMCBootFlagValidBitClear{DontClearOnCommandReceivedTimeout: true}
	if err := s.c.SetSystemBootOptionsParamFor(ctx, noTimeout); err != nil {
		if _, refused := types.IsResponseError(err); !refused {
			return Boot{}, err
		}
		s.log.Debug("BMC can't keep a boot override beyond 60 s", "error", err)
	}
	// Not SetBootParamBootFlags: it may skip the flags and report success.
	if err := s.c.SetBootDevice(ctx, selector, types.BIOSBootType(o.EFI), o.Persistent); err != nil {
		return Boot{}, err
	}
	seen, err := s.readBoot(ctx)
	if err != nil {
		return seen, err
	}
	want := Boot{Device: dev, Valid: true, Persistent: o.Persistent, EFI: o.EFI}
	return compare(want, seen)
}

// compare checks a BMC's boot override against the wanted one.
func compare(want, seen Boot) (Boot, error) {
	if want.Device == None {
		if seen.Valid && seen.Device != None {
			return seen, &Error{Kind: ErrBootDevice, Err: fmt.Errorf("its override was cleared, but it still has %s", seen)}
		}
		return seen, nil
	}
	if seen.Device != want.Device || seen.Persistent && !want.Persistent {
		return seen, &Error{Kind: ErrBootDevice, Err: fmt.Errorf("%s was set, but it has %s", want, seen)}
	}
	var lost []string
	if !seen.Valid {
		lost = append(lost, "valid")
	}
	if want.Persistent && !seen.Persistent {
		lost = append(lost, "persistent")
	}
	if want.EFI && !seen.EFI {
		lost = append(lost, "EFI")
	}
	switch {
	case len(lost) > 0:
		seen.Note = fmt.Sprintf("%s was set; it lost: %s", want, strings.Join(lost, ", "))
	case seen.EFI && !want.EFI:
		seen.Note = fmt.Sprintf("%s was set; it added: EFI", want)
	}
	return seen, nil
}

func (s *session) readBoot(ctx context.Context) (Boot, error) {
	var f types.BootOptionParam_BootFlags
	if err := s.c.GetSystemBootOptionsParamFor(ctx, &f); err != nil {
		return Boot{}, err
	}
	return Boot{
		Device: deviceOf(f.BootDeviceSelector), Valid: f.BootFlagsValid,
		Persistent: f.Persist, EFI: bool(f.BIOSBootType),
	}, nil
}

func selectorOf(dev BootDevice) (types.BootDeviceSelector, error) {
	switch dev {
	case PXE:
		return types.BootDeviceSelectorForcePXE, nil
	case Disk:
		return types.BootDeviceSelectorForceHardDrive, nil
	case None:
		return types.BootDeviceSelectorNoOverride, nil
	}
	return 0, fmt.Errorf("no boot device %q: want %s, %s or %s", dev, PXE, Disk, None)
}

func deviceOf(s types.BootDeviceSelector) BootDevice {
	switch s {
	case types.BootDeviceSelectorForcePXE:
		return PXE
	case types.BootDeviceSelectorForceHardDrive:
		return Disk
	case types.BootDeviceSelectorNoOverride:
		return None
	}
	return BootDevice(strings.ToLower(s.String()))
}
