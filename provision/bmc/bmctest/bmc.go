// Package bmctest runs BMCs for tests, on loopback.
package bmctest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"

	ipmibmc "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/hal/mock"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// The account.
const (
	User     = "admin"
	Password = "s3cret-for-tests"
)

// A BMC is go-ipmi's server on loopback with a chassis that counts.
type BMC struct {
	Target bmc.Target
	State  *ipmibmc.BMC
	Board  *Board

	mu      sync.Mutex
	answers map[types.CommandKey]Answerer
}

// A Board is mock's chassis that really switches; Hooks make it hostile.
type Board struct {
	mock.Chassis
	mu  sync.Mutex
	did []string
	Hooks
}

// Hooks make a board hostile.
type Hooks struct {
	Same   bool // refuses to switch to what it is already, as Dell's do
	Stuck  bool // refuses to switch
	Deaf   bool // takes power commands and does nothing
	Revert func(*types.BootOptionParam_BootFlags)
	Before func() // is called before a command is carried out
}

// note writes down an action and returns the hooks as they are.
func (b *Board) note(what string) Hooks {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.did = append(b.did, what)
	return b.Hooks
}

// Set changes the hooks.
func (b *Board) Set(f func(b *Board)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b)
}

// Actions are the commands that it had.
func (b *Board) Actions() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(b.did)
}

func (b *Board) SetPower(ctx context.Context, on bool) error {
	h := b.note(map[bool]string{true: "on", false: "off"}[on])
	if h.Deaf {
		return nil
	}
	if h.Before != nil {
		h.Before()
	}
	if is, _ := b.PowerState(ctx); h.Stuck || h.Same && is == on {
		return types.CodeNotSupported
	}
	return b.Chassis.SetPower(ctx, on)
}

func (b *Board) PowerCycle(ctx context.Context) error {
	if h := b.note("cycle"); h.Before != nil {
		h.Before()
	}
	if on, _ := b.PowerState(ctx); !on {
		return types.CodeNotSupported
	}
	return nil
}

func (b *Board) ColdReset(ctx context.Context) error {
	b.note("reset")
	if on, _ := b.PowerState(ctx); !on {
		return types.CodeNotSupported
	}
	return nil
}

func (b *Board) SetBootFlags(ctx context.Context, f *types.BootOptionParam_BootFlags) error {
	h := b.note("boot")
	kept := *f
	if h.Revert != nil {
		h.Revert(&kept)
	}
	return b.Chassis.SetBootFlags(ctx, &kept)
}

type boardHAL struct {
	hal.HAL
	board *Board
}

func (h boardHAL) Chassis() hal.ChassisHAL { return h.board }

// Serve runs a BMC until the test ends. Without suites it speaks 3 and 17.
func Serve(t testing.TB, suites ...types.CipherSuiteID) *BMC {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	b := &BMC{Board: &Board{}}
	var opts []ipmibmc.Option
	if len(suites) > 0 {
		opts = append(opts, ipmibmc.WithCipherSuites(suites))
	}
	b.State = ipmibmc.New(ipmibmc.DeviceInfo{IPMIVersion: 0x20}, [16]byte{1, 2, 3}, boardHAL{mock.New(), b.Board}, opts...)
	b.AddUser(t, 2, User, ipmibmc.PrivilegeLevelAdministrator)
	srv := server.NewServer(b.State, conn, server.WithHandlerRegistry(b.registry()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(context.Background())
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	b.Target = bmc.Target{
		Address: conn.LocalAddr().(*net.UDPAddr).AddrPort(),
		User:    User, Password: Password,
	}
	b.Target.Address = netip.AddrPortFrom(b.Target.Address.Addr().Unmap(), b.Target.Address.Port())
	return b
}

// AddUser gives the BMC an account with the tests' password.
func (b *BMC) AddUser(t testing.TB, id uint8, name string, most ipmibmc.PrivilegeLevel) {
	t.Helper()
	if err := b.State.Users.Upsert(id, func(u *ipmibmc.User) error {
		u.Name, u.Enabled = name, true
		copy(u.Password[:], Password)
		u.ChannelAccess = map[uint8]ipmibmc.UserChannelAccess{1: {MaxPrivilege: most, Enabled: true}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// A Buffer takes what several goroutines write.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *Buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// Bytes is a copy of what was written.
func (s *Buffer) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes())
}
