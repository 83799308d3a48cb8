package ipmi

import (
	"context"
	"errors"
	"fmt"

	"github.com/bougou/go-ipmi/pkg/command/chassis"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// commands are IPMI's chassis controls (IPMI 2.0 table 28-4).
var commands = map[bmc.Command]chassis.ChassisControl{
	bmc.PowerOn: chassis.ChassisControlPowerUp, bmc.PowerOff: chassis.ChassisControlPowerDown,
	bmc.PowerCycle: chassis.ChassisControlPowerCycle, bmc.Reset: chassis.ChassisControlHardReset,
	bmc.SoftOff: chassis.ChassisControlSoftShutdown, bmc.NMI: chassis.ChassisControlDiagnosticInterrupt,
}

// Status implements bmc.Session (Get Chassis Status, IPMI 2.0 §28.2).
func (s *session) Status(ctx context.Context) (bmc.Status, error) {
	answer, err := s.ask(ctx, types.CommandGetChassisStatus)
	if err != nil {
		return bmc.Status{}, err
	}
	var r chassis.GetChassisStatusResponse
	if r.Unpack(answer) != nil {
		return bmc.Status{}, short(types.CommandGetChassisStatus, answer, 3)
	}
	return bmc.Status{
		On: r.PowerIsOn, PowerFault: r.PowerFault, ControlFault: r.PowerControlFault,
		Overload: r.PowerOverload, Interlock: r.InterLock,
	}, nil
}

// Power sends a chassis command in one datagram: were it repeated after a lost answer, a box
// would be cycled twice. Not every BMC drops the copy of a datagram.
func (s *session) Power(ctx context.Context, c bmc.Command) error {
	what, ok := commands[c]
	if !ok {
		return fmt.Errorf("power %q: %w", c, bmc.ErrUnsupported)
	}
	_, err := s.once(ctx, types.CommandChassisControl, byte(what))
	if isCode(err, types.CodeRequestDataFieldInvalid) || isCode(err, types.CodeParameterOutOfRange) {
		return unsupported{cause{fmt.Sprintf("it has no power command %q", c), err}}
	}
	return err
}

// Identify switches the identify lamp (Chassis Identify, IPMI 2.0 §28.5). A BMC that can't
// force it on keeps it on for as long as the command allows: 255 s.
func (s *session) Identify(ctx context.Context, on bool) error {
	cmd := types.CommandChassisIdentify
	if !on {
		_, err := s.ask(ctx, cmd, 0)
		return err
	}
	_, err := s.ask(ctx, cmd, 0, 1)
	if _, refused := types.IsResponseError(err); refused && !errors.Is(err, bmc.ErrPrivilege) {
		_, err = s.ask(ctx, cmd, 255)
	}
	return err
}
