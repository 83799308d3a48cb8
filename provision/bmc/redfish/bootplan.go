package redfish

import (
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/bmc"
)

// plan is what to write for a boot override, the best first: the others are for a service
// that refuses it. set is the Settings object's Boot, nil for none.
func plan(b bmc.Boot, have, set override, q bmc.Quirks) ([]map[string]string, error) {
	if b.Device == bmc.None {
		return clearing(have), nil
	}
	target, err := targetFor(b, have.either(set, keyTarget))
	if err != nil {
		return nil, err
	}
	enabled := "Once"
	if b.Persistent {
		enabled = "Continuous"
	}
	if can := have.either(set, keyEnabled); len(can) > 0 && !slices.Contains(can, enabled) {
		return nil, fmt.Errorf("%w: its boot override can be %s only, not %s", bmc.ErrUnsupported, clean(strings.Join(can, ", "), shortText), enabled)
	}
	bare := map[string]string{keyTarget: target, keyEnabled: enabled}
	mode := modeFor(b, have, set, q)
	if mode == "" {
		return []map[string]string{bare}, nil
	}
	return []map[string]string{{keyTarget: target, keyEnabled: enabled, keyMode: mode}, bare}, nil
}

// clearing switches an override off and keeps its target: some refuse anything else while
// the target is None, others want all properties (AMI). One that is off needs nothing.
func clearing(have override) []map[string]string {
	if have.text(keyEnabled) == "Disabled" {
		return nil
	}
	plans := []map[string]string{{keyEnabled: "Disabled"}}
	whole := map[string]string{keyEnabled: "Disabled"}
	for _, key := range []string{keyTarget, keyMode} {
		if v := have.text(key); v != "" {
			whole[key] = v
		}
	}
	return append(plans, whole, map[string]string{keyEnabled: "Disabled", keyTarget: "None"})
}

// either is the list of allowed values that the Settings object or the system has.
func (o override) either(set override, key string) []string {
	if can := set.allows(key); len(can) > 0 {
		return can
	}
	return o.allows(key)
}

// names are the targets for a device: of a UEFI boot, and otherwise. Some services have
// names of their own (Supermicro).
var names = map[bmc.BootDevice][2][]string{
	bmc.PXE:  {{"Pxe"}, {"Pxe"}},
	bmc.Disk: {{"UefiHdd", "Hdd"}, {"Hdd"}},
	"cd":     {{"UefiCd", "Cd", "UsbCd", "CD/DVD"}, {"Cd", "UsbCd", "CD/DVD"}},
}

func targetFor(b bmc.Boot, can []string) (string, error) {
	wanted := names[b.Device][1]
	if b.EFI {
		wanted = names[b.Device][0]
	}
	if len(can) == 0 && len(wanted) > 0 {
		return wanted[len(wanted)-1], nil // it doesn't say: the standard's own
	}
	for _, name := range slices.Concat(wanted, []string{string(b.Device)}) {
		for _, c := range can {
			if strings.EqualFold(c, name) {
				return c, nil
			}
		}
	}
	return "", fmt.Errorf("%w: it can't boot from %s, only from %s", bmc.ErrUnsupported, b.Device, clean(strings.Join(can, ", "), longText))
}

// modeFor is the mode to send, "" for none. A box that isn't known to boot by UEFI keeps the
// mode that it has. Some services forget a mode that isn't sent (Supermicro); others make a
// job of one that hasn't changed (iDRAC 9): the quirk says which.
func modeFor(b bmc.Boot, have, set override, q bmc.Quirks) string {
	now := have.text(keyMode)
	mode := now
	if b.EFI {
		mode = "UEFI"
	}
	can := have.either(set, keyMode)
	onlyLater := len(set[keyMode]) > 0 && !set.has(keyTarget) && !set.has(keyEnabled)
	switch {
	case q.Mode == "never", mode == "", len(can) > 0 && !slices.Contains(can, mode):
		return ""
	case q.Mode == "always":
		return mode
	case q.Mode == "changed" && mode == now, onlyLater && mode == now:
		return ""
	case !have.has(keyMode) && !set.has(keyMode):
		return ""
	}
	return mode
}
