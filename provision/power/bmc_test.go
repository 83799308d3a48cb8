package power

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/hal/mock"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/types"
)

const (
	user     = "admin"
	password = "s3cret-for-tests"
)

// testBMC is go-ipmi's server on loopback with a chassis that counts.
type testBMC struct {
	target Target
	state  *bmc.BMC
	board  *board
}

// board is mock's chassis that really switches; hooks make it hostile.
type board struct {
	mock.Chassis
	mu  sync.Mutex
	did []string
	hooks
}

// hooks make a board hostile.
type hooks struct {
	same   bool // refuses to switch to what it is already, as Dell's do
	stuck  bool // refuses to switch
	deaf   bool // takes power commands and does nothing
	revert func(*types.BootOptionParam_BootFlags)
	before func() // is called before a command is carried out
}

// note writes down an action and returns the hooks as they are.
func (b *board) note(what string) hooks {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.did = append(b.did, what)
	return b.hooks
}

func (b *board) set(f func(b *board)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b)
}

func (b *board) actions() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(b.did)
}

func (b *board) SetPower(ctx context.Context, on bool) error {
	h := b.note(map[bool]string{true: "on", false: "off"}[on])
	if h.deaf {
		return nil
	}
	if h.before != nil {
		h.before()
	}
	if is, _ := b.PowerState(ctx); h.stuck || h.same && is == on {
		return types.CodeNotSupported
	}
	return b.Chassis.SetPower(ctx, on)
}

func (b *board) PowerCycle(ctx context.Context) error {
	if h := b.note("cycle"); h.before != nil {
		h.before()
	}
	if on, _ := b.PowerState(ctx); !on {
		return types.CodeNotSupported
	}
	return nil
}

func (b *board) ColdReset(ctx context.Context) error {
	b.note("reset")
	if on, _ := b.PowerState(ctx); !on {
		return types.CodeNotSupported
	}
	return nil
}

func (b *board) SetBootFlags(ctx context.Context, f *types.BootOptionParam_BootFlags) error {
	h := b.note("boot")
	kept := *f
	if h.revert != nil {
		h.revert(&kept)
	}
	return b.Chassis.SetBootFlags(ctx, &kept)
}

type boardHAL struct {
	hal.HAL
	board *board
}

func (h boardHAL) Chassis() hal.ChassisHAL { return h.board }

func serveBMC(t testing.TB, suites ...types.CipherSuiteID) *testBMC {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	b := &testBMC{board: &board{}}
	var opts []bmc.Option
	if len(suites) > 0 {
		opts = append(opts, bmc.WithCipherSuites(suites))
	}
	b.state = bmc.New(bmc.DeviceInfo{IPMIVersion: 0x20}, [16]byte{1, 2, 3}, boardHAL{mock.New(), b.board}, opts...)
	b.addUser(t, 2, user, bmc.PrivilegeLevelAdministrator)
	srv := server.NewServer(b.state, conn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(context.Background())
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	b.target = Target{
		Address: conn.LocalAddr().(*net.UDPAddr).AddrPort(),
		User:    user, Password: password,
	}
	b.target.Address = netip.AddrPortFrom(b.target.Address.Addr().Unmap(), b.target.Address.Port())
	return b
}

// addUser gives the BMC an account with the tests' password.
func (b *testBMC) addUser(t testing.TB, id uint8, name string, most bmc.PrivilegeLevel) {
	t.Helper()
	if err := b.state.Users.Upsert(id, func(u *bmc.User) error {
		u.Name, u.Enabled = name, true
		copy(u.Password[:], password)
		u.ChannelAccess = map[uint8]bmc.UserChannelAccess{1: {MaxPrivilege: most, Enabled: true}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// controller is one with short waits and a log that is looked at for secrets.
func controller(t *testing.T) *Controller {
	t.Helper()
	var log syncBuffer
	t.Cleanup(func() {
		if bytes.Contains(log.Bytes(), []byte(password)) {
			t.Error("the log tells the password")
		}
	})
	return New(Options{
		Log:      slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Exchange: 500 * time.Millisecond, Settle: 300 * time.Millisecond, Poll: 10 * time.Millisecond,
	})
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes())
}
