package rack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc/bmctest/redfishsim"
)

// lanChannel is the channel that go-ipmi's server serves.
const lanChannel = 1

// A simulatedBMC is go-ipmi's embeddable BMC server with our chassis: it speaks
// real IPMI 2.0 over RMCP+ (cipher suites 3 and 17), but no silicon is behind it.
type simulatedBMC struct {
	conn    *net.UDPConn
	srv     *server.Server
	done    chan struct{}
	redfish *redfishsim.Service // nil: it has none
}

// startBMC serves a box's BMC on its own address in the rack's namespace.
func startBMC(b *Box, log *slog.Logger) (*simulatedBMC, error) {
	conn, err := listenPacketIn(b.ns, b.opts.BMCAddress)
	if err == nil && b.opts.Redfish {
		err = b.serveRedfish()
	}
	if err != nil {
		return nil, fmt.Errorf("simulated BMC of %s: %w", b.opts.Name, err)
	}
	state, err := newBMC(b)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("rack: simulated BMC of %s: %w", b.opts.Name, err)
	}
	reg := handlers.NewRegistry()
	handlers.RegisterAllHandlers(reg)
	// The library's own handlers for boot options know no parameter 0 and don't
	// keep parameter 3.
	reg.RegisterFunc(types.CommandSetSystemBootOptions, b.handleSetBootOptions)
	reg.RegisterFunc(types.CommandGetSystemBootOptions, b.handleGetBootOptions)
	s := &simulatedBMC{
		conn: conn, redfish: b.redfish,
		srv:  server.NewServer(state, conn, server.WithHandlerRegistry(reg)),
		done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		if err := s.srv.Serve(context.Background()); err != nil {
			log.Error("simulated BMC ended", "box", b.opts.Name, "error", err)
		}
	}()
	return s, nil
}

func (s *simulatedBMC) close() {
	_ = s.srv.Close()
	<-s.done
	if s.redfish != nil {
		s.redfish.Close()
	}
}

// newBMC is the BMC's state: one administrator, no anonymous user.
func newBMC(b *Box) (*bmc.BMC, error) {
	sum := sha256.Sum256([]byte("rackhand simulated BMC " + b.opts.Name))
	state := bmc.New(bmc.DeviceInfo{
		DeviceID: 0x20, FirmwareMajor: 1, IPMIVersion: 0x20,
		AdditionalDeviceSupport: 0x80, // chassis device
	}, [16]byte(sum[:16]), chassisHAL{b}, bmc.WithCipherSuites([]types.CipherSuiteID{
		types.CipherSuiteID3, types.CipherSuiteID17,
	}))
	if err := state.Users.Update(1, func(u *bmc.User) error { u.Enabled = false; return nil }); err != nil {
		return nil, err
	}
	u, err := state.Users.Add(2, b.opts.BMCUser)
	if err != nil {
		return nil, err
	}
	copy(u.Password[:], b.opts.BMCPassword)
	u.Password20 = true
	u.Enabled = true
	u.ChannelAccess[lanChannel] = bmc.UserChannelAccess{
		MaxPrivilege: bmc.PrivilegeLevelAdministrator, Enabled: true,
	}
	return state, nil
}

// chassisHAL lets go-ipmi's server drive a Box.
type chassisHAL struct{ b *Box }

func (h chassisHAL) Chassis() hal.ChassisHAL { return chassis(h) }
func (chassisHAL) Sensors() hal.SensorHAL    { return nil }
func (chassisHAL) Storage() hal.StorageHAL   { return nil }
func (chassisHAL) Network() hal.NetworkHAL   { return nil }
func (chassisHAL) GPIO() hal.GPIOHAL         { return nil }
func (chassisHAL) I2C() hal.I2CHAL           { return nil }
func (chassisHAL) Console() hal.ConsoleHAL   { return nil }
func (chassisHAL) Close() error              { return nil }

// chassis is the box as IPMI's chassis commands see it (IPMI 2.0 §28).
type chassis struct{ b *Box }

func (c chassis) PowerState(context.Context) (bool, error) { return c.b.On(), nil }

func (c chassis) SetPower(_ context.Context, on bool) error {
	c.b.chassisCommand()
	if !on {
		c.b.PowerCut()
		return nil
	}
	_, err := c.b.powerOn()
	return err
}

func (c chassis) PowerCycle(context.Context) error {
	c.b.chassisCommand()
	if c.b.opts.BMCFaults.SwallowsCycle {
		return nil
	}
	return presentState(c.b.Reset())
}

func (c chassis) ColdReset(context.Context) error {
	c.b.chassisCommand()
	if c.b.opts.BMCFaults.SwallowsCycle {
		return nil
	}
	return presentState(c.b.Reset())
}

// WarmReset: go-ipmi uses this name for chassis control 5, soft shutdown.
func (c chassis) WarmReset(context.Context) error {
	c.b.chassisCommand()
	return presentState(c.b.SoftOff())
}

func (chassis) Identify(context.Context, uint8) error { return nil }

func (chassis) IntrusionState(context.Context) (bool, error) { return false, hal.ErrNotSupported }

// Boot options are answered by our own handlers, from the parameters' raw bytes.
func (chassis) SetBootFlags(context.Context, *types.BootOptionParam_BootFlags) error {
	return hal.ErrNotSupported
}

func (chassis) GetBootFlags(context.Context) (*types.BootOptionParam_BootFlags, error) {
	return nil, hal.ErrNotSupported
}

func (chassis) SetBootInfoAcknowledge(context.Context, *types.BootOptionParam_BootInfoAcknowledge) error {
	return hal.ErrNotSupported
}

func (chassis) GetBootInfoAcknowledge(context.Context) (*types.BootOptionParam_BootInfoAcknowledge, error) {
	return nil, hal.ErrNotSupported
}

// presentState answers D5h, "not supported in present state", to a command that
// needs a box that is on (IPMI 2.0 table 28-4).
func presentState(err error) error {
	if errors.Is(err, errOff) {
		return types.CodeNotSupported
	}
	return err
}

// chassisCommand starts the boot flags' 60 s again.
func (b *Box) chassisCommand() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.boot.command(b.clock())
}
