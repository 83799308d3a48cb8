package redfish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/bmc"
)

// resets are the reset types (Resource.ResetType) for a command, the best first. A push of
// the power button is never one of them: what it does depends on the system.
var resets = map[bmc.Command][]string{
	bmc.PowerOn: {"On", "ForceOn"}, bmc.PowerOff: {"ForceOff"}, bmc.PowerCycle: {"PowerCycle"},
	bmc.Reset: {"ForceRestart"}, bmc.SoftOff: {"GracefulShutdown"}, bmc.NMI: {"Nmi"},
}

// Status implements bmc.Session.
func (s *session) Status(ctx context.Context) (bmc.Status, error) {
	sys, err := s.system(ctx)
	if err != nil {
		return bmc.Status{}, err
	}
	return sys.status()
}

func (sys *system) status() (bmc.Status, error) {
	switch sys.PowerState {
	case "On", "Paused":
		return bmc.Status{On: true}, nil
	case "Off":
		return bmc.Status{}, nil
	case "PoweringOn":
		return bmc.Status{Changing: true}, nil
	case "PoweringOff":
		return bmc.Status{On: true, Changing: true}, nil
	case "":
		return bmc.Status{}, &bmc.Error{Kind: bmc.ErrNotReady, Err: errors.New("it doesn't know the power state")}
	}
	return bmc.Status{}, &bmc.Error{Kind: bmc.ErrAnswer, Err: fmt.Errorf("its power state is %q", clean(sys.PowerState, shortText))}
}

// Power implements bmc.Session. A refusal to reach a state that the box is in is a success.
func (s *session) Power(ctx context.Context, c bmc.Command) error {
	sys, err := s.system(ctx)
	if err != nil {
		return err
	}
	kind, err := s.resetType(ctx, sys, c)
	if err != nil {
		return err
	}
	err = s.post(ctx, sys.Actions.Reset.Target, map[string]string{"ResetType": kind})
	var refused *bmc.Error
	if !errors.As(err, &refused) || refused.Kind != bmc.ErrNotReady && refused.Kind != bmc.ErrRefused {
		return err
	}
	seen, looked := s.Status(ctx)
	switch {
	case looked != nil || seen.Changing:
		return err
	case c == bmc.PowerOn && seen.On, (c == bmc.PowerOff || c == bmc.SoftOff) && !seen.On:
		return nil
	case c != bmc.PowerOn && !seen.On:
		refused.Kind, refused.Hint = bmc.ErrState, "the box is off"
	}
	return refused
}

// resetType chooses the reset type for a command.
func (s *session) resetType(ctx context.Context, sys *system, c bmc.Command) (string, error) {
	wanted := resets[c]
	if len(wanted) == 0 || sys.Actions.Reset.Target == "" {
		return "", fmt.Errorf("%w: it offers no power control of %s", bmc.ErrUnsupported, clean(last(string(sys.path)), shortText))
	}
	types := s.resetTypes(ctx, sys)
	if len(types) == 0 {
		return wanted[0], nil // it doesn't say: the standard's own
	}
	for _, kind := range wanted {
		if slices.Contains(types, kind) {
			return kind, nil
		}
	}
	return "", fmt.Errorf("%w: it has no %s, only %s", bmc.ErrUnsupported, wanted[0], clean(strings.Join(types, ", "), shortText))
}

// resetTypes are those that the system's action or the action's description allows; empty
// when neither says.
func (s *session) resetTypes(ctx context.Context, sys *system) []string {
	reset := sys.Actions.Reset
	if len(reset.Types) > 0 || reset.Info == "" {
		return reset.Types
	}
	var info struct {
		Parameters []struct {
			Name            string
			AllowableValues []string
		}
	}
	if _, err := s.get(ctx, reset.Info, &info); err != nil {
		s.log.Debug("BMC doesn't say which reset types it has", "error", err)
		return nil
	}
	for _, p := range info.Parameters {
		if p.Name == "ResetType" {
			return p.AllowableValues
		}
	}
	return nil
}
