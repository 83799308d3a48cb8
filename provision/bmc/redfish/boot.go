package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/bmc"
)

// The properties of a boot override (ComputerSystem.Boot).
const (
	keyTarget  = "BootSourceOverrideTarget"
	keyEnabled = "BootSourceOverrideEnabled"
	keyMode    = "BootSourceOverrideMode"
	allowable  = "@Redfish.AllowableValues"
)

// An override is a system's Boot object, or that of its Settings object.
type override map[string]json.RawMessage

func (o override) text(key string) (s string) {
	_ = json.Unmarshal(o[key], &s)
	return s
}

func (o override) allows(key string) (list []string) {
	_ = json.Unmarshal(o[key+allowable], &list)
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func (o override) has(key string) bool { return len(o[key]) > 0 || len(o[key+allowable]) > 0 }

// none reports whether it has nothing to override a boot with. BootOrder alone is none.
func (o override) none() bool { return !o.has(keyTarget) && !o.has(keyEnabled) }

func noOverride() error { return fmt.Errorf("%w: it has no boot override", bmc.ErrUnsupported) }

// Boot implements bmc.Session. It reads at the system, also where the settings are written
// elsewhere: that is what the next boot goes by.
func (s *session) Boot(ctx context.Context) (bmc.Boot, error) {
	sys, err := s.system(ctx)
	if err != nil {
		return bmc.Boot{}, err
	}
	if override(sys.Boot).none() {
		return bmc.Boot{}, noOverride()
	}
	return override(sys.Boot).read(), nil
}

func (o override) read() bmc.Boot {
	target, enabled := o.text(keyTarget), o.text(keyEnabled)
	b := bmc.Boot{Device: deviceOf(target), Persistent: enabled == "Continuous"}
	b.Valid = b.Device != bmc.None && (enabled == "Once" || b.Persistent)
	if enabled == "Disabled" {
		b.Device = bmc.None // the target that is left is for no boot
	}
	mode := o.text(keyMode)
	b.EFI = strings.EqualFold(mode, "UEFI") || strings.HasPrefix(target, "Uefi")
	b.NoMode = mode == "" && !b.EFI
	return b
}

func deviceOf(target string) bmc.BootDevice {
	switch target {
	case "Pxe":
		return bmc.PXE
	case "Hdd", "UefiHdd":
		return bmc.Disk
	case "", "None":
		return bmc.None
	}
	return bmc.BootDevice(strings.ToLower(clean(target, shortText)))
}

// SetBoot implements bmc.Session. A refusal is a failure only if the system has not got the
// override: some answer 400 and do it (Dell's 13th generation).
func (s *session) SetBoot(ctx context.Context, b bmc.Boot) error {
	sys, err := s.system(ctx)
	if err != nil {
		return err
	}
	var settings settings
	if sys.Settings.Object != "" {
		if settings, err = s.readSettings(ctx, sys.Settings.Object); err != nil {
			return err
		}
	}
	have := override(sys.Boot)
	if have.none() && settings.Boot.none() {
		return noOverride()
	}
	plans, err := plan(b, have, settings.Boot, s.target.Quirks)
	if err != nil {
		return err
	}
	var first error
	for _, p := range plans {
		err := s.writeBoot(ctx, sys, settings, p)
		if !errors.Is(err, bmc.ErrRefused) {
			return err
		}
		if first == nil {
			first = err
		}
		if seen, looked := s.system(ctx); looked == nil {
			if override(seen.Boot).holds(p) {
				return nil
			}
			sys = seen // with a new tag
		}
	}
	return first
}

// holds reports whether the override is as it was to be written.
func (o override) holds(p map[string]string) bool {
	for key, v := range p {
		if o.text(key) != v {
			return false
		}
	}
	return true
}

// A settings object takes what is to apply at the next start (DSP0266 §7.11).
type settings struct {
	path link
	tag  string
	Boot override
}

func (s *session) readSettings(ctx context.Context, at link) (settings, error) {
	found := settings{path: at}
	var err error
	found.tag, err = s.get(ctx, at, &found)
	if errors.Is(err, bmc.ErrUnsupported) || errors.Is(err, bmc.ErrPrivilege) { // named, and not there
		return settings{path: at}, nil
	}
	return found, err
}

// writeBoot writes each property where it lives: in the Settings object if that has it,
// otherwise in the system.
func (s *session) writeBoot(ctx context.Context, sys *system, set settings, p map[string]string) error {
	now, later := map[string]string{}, map[string]string{}
	for key, v := range p {
		if _, there := set.Boot[key]; there || s.target.Quirks.SettingsObject && set.path != "" {
			later[key] = v
		} else {
			now[key] = v
		}
	}
	if len(later) > 0 {
		if err := s.patch(ctx, set.path, map[string]any{"Boot": later}, set.tag); err != nil {
			return err
		}
	}
	if len(now) == 0 {
		return nil
	}
	return s.patch(ctx, sys.path, map[string]any{"Boot": now}, sys.tag)
}
