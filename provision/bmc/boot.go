package bmc

import (
	"fmt"
	"strings"
)

// A BootDevice is the device that a box boots from.
type BootDevice string

// The devices that may be set.
const (
	PXE  BootDevice = "pxe"
	Disk BootDevice = "disk"
	None BootDevice = "none" // no override: the firmware's own order
)

// A Boot is a BMC's boot override (boot option parameter 5, IPMI 2.0 table 28-14).
type Boot struct {
	Device     BootDevice // or another device by its name, if the BMC holds such
	Valid      bool       // false: spent, expired or never set
	Persistent bool
	EFI        bool
	// NoMode: the BMC keeps no mode, so EFI says nothing (Redfish without
	// BootSourceOverrideMode).
	NoMode bool
	// Lost names what the BMC did not keep of an override that was set, if the loss may be
	// harmless: "valid, EFI". "" if it lost nothing.
	Lost string
	// Note says that for people, or that it can't be known.
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

// Compare holds a BMC's boot override against the wanted one: device, once, valid, mode. The
// other device, or one for all boots instead of one, is an error ([ErrBootDevice]): it can
// mean that a box reinstalls itself in a loop. Another lost bit is named in Lost: many BMCs
// lose one on reading, but still boot by it.
func Compare(want, seen Boot) (Boot, error) {
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
	for _, bit := range []struct {
		name string
		lost bool
	}{
		{"valid", !seen.Valid},
		{"persistent", want.Persistent && !seen.Persistent},
		{"EFI", want.EFI && !seen.EFI && !seen.NoMode},
	} {
		if bit.lost {
			lost = append(lost, bit.name)
		}
	}
	switch {
	case len(lost) > 0:
		seen.Lost = strings.Join(lost, ", ")
		seen.Note = fmt.Sprintf("%s was set; it lost: %s", want, seen.Lost)
	case seen.EFI && !want.EFI && !seen.NoMode:
		seen.Note = fmt.Sprintf("%s was set; it added: EFI", want)
	}
	return seen, nil
}
