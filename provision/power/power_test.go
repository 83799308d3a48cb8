package power

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"
)

func TestChassis(t *testing.T) {
	for _, suite := range []types.CipherSuiteID{types.CipherSuiteID17, types.CipherSuiteID3} {
		b, c := serveBMC(t, suite), controller(t)
		ctx := t.Context()
		steps := []struct {
			name string
			do   func() (Status, error)
			on   bool
			err  error
		}{
			{"status", func() (Status, error) { return c.Status(ctx, b.target) }, false, nil},
			{"reset when off", func() (Status, error) { return c.Reset(ctx, b.target) }, false, ErrRefused},
			{"cycle when off", func() (Status, error) { return c.Cycle(ctx, b.target) }, true, nil},
			{"cycle when on", func() (Status, error) { return c.Cycle(ctx, b.target) }, true, nil},
			{"reset", func() (Status, error) { return c.Reset(ctx, b.target) }, true, nil},
			{"on when on", func() (Status, error) { return c.On(ctx, b.target) }, true, nil},
			{"off", func() (Status, error) { return c.Off(ctx, b.target) }, false, nil},
			{"on", func() (Status, error) { return c.On(ctx, b.target) }, true, nil},
		}
		for _, s := range steps {
			seen, err := s.do()
			if !errors.Is(err, s.err) || seen.On != s.on {
				t.Errorf("suite %d, %s: %+v, %v", suite, s.name, seen, err)
			}
		}
		if got := b.board.actions(); got != "[reset on cycle reset on off on]" {
			t.Errorf("suite %d: the board saw %s", suite, got)
		}
		if n := b.state.Sessions.Count(); n != 0 {
			t.Errorf("suite %d: %d sessions left open", suite, n)
		}
		if k := c.bmc(b.target.Address); !k.found || k.suite != suite {
			t.Errorf("suite %d isn't remembered: %v", suite, k.suite)
		}
	}
}

func TestSetBoot(t *testing.T) {
	b, c := serveBMC(t), controller(t)
	for _, tt := range []struct {
		dev  BootDevice
		opts BootOptions
		want string
	}{
		{PXE, BootOptions{}, "pxe (once)"},
		{PXE, BootOptions{EFI: true}, "pxe (once, EFI)"},
		{Disk, BootOptions{Persistent: true}, "disk (persistent)"},
		{Disk, BootOptions{Persistent: true, EFI: true}, "disk (persistent, EFI)"},
		{None, BootOptions{}, "none (once)"},
	} {
		seen, err := c.SetBoot(t.Context(), b.target, tt.dev, tt.opts)
		if err != nil || seen.String() != tt.want || seen.Note != "" {
			t.Errorf("%s: %s, %q, %v", tt.want, seen, seen.Note, err)
		}
		if again, err := c.GetBoot(t.Context(), b.target); err != nil || again != seen {
			t.Errorf("%s: read again: %s, %v", tt.want, again, err)
		}
	}
	if _, err := c.SetBoot(t.Context(), b.target, "floppy", BootOptions{}); err == nil || !strings.Contains(err.Error(), "floppy") {
		t.Errorf("floppy: %v", err)
	}
}

// TestBootReverted: BMCs that accept an override and keep another one.
func TestBootReverted(t *testing.T) {
	type flags = types.BootOptionParam_BootFlags
	for _, tt := range []struct {
		name   string
		revert func(*flags)
		ask    BootDevice
		opts   BootOptions
		want   string // in the error; "" for none
		note   string
	}{
		{"other device", func(f *flags) { f.BootDeviceSelector = types.BootDeviceSelectorForceHardDrive }, PXE, BootOptions{}, "pxe (once) was set, but it has disk (once)", ""},
		{"dropped", func(f *flags) { *f = flags{} }, PXE, BootOptions{}, "has no override", ""},
		{"valid lost (OpenIPMI)", func(f *flags) { f.BootFlagsValid = false }, PXE, BootOptions{}, "", "pxe (once) was set; it lost: valid"},
		{"valid lost and another device", func(f *flags) { f.BootFlagsValid, f.BootDeviceSelector = false, types.BootDeviceSelectorForceHardDrive }, PXE, BootOptions{}, "has no override", ""},
		{"made persistent", func(f *flags) { f.Persist = true }, PXE, BootOptions{}, "has pxe (persistent)", ""},
		{"made one-shot (pyghmi)", func(f *flags) { f.Persist = false }, Disk, BootOptions{Persistent: true}, "", "disk (persistent) was set; it lost: persistent"},
		{"keeps what it had", func(f *flags) { f.BootDeviceSelector = types.BootDeviceSelectorForcePXE }, None, BootOptions{}, "its override was cleared, but it still has pxe", ""},
		{"EFI lost", func(f *flags) { f.BIOSBootType = false }, PXE, BootOptions{EFI: true}, "", "pxe (once, EFI) was set; it lost: EFI"},
		{"EFI added", func(f *flags) { f.BIOSBootType = true }, PXE, BootOptions{}, "", "pxe (once) was set; it added: EFI"},
		{"all lost", func(f *flags) { f.BootFlagsValid, f.Persist, f.BIOSBootType = false, false, false }, Disk, BootOptions{Persistent: true, EFI: true}, "", "lost: valid, persistent, EFI"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, c := serveBMC(t), controller(t)
			b.board.set(func(b *board) { b.revert = tt.revert })
			seen, err := c.SetBoot(t.Context(), b.target, tt.ask, tt.opts)
			if tt.want == "" {
				if err != nil || !strings.Contains(seen.Note, tt.note) || !strings.Contains(seen.String(), tt.note) {
					t.Errorf("note %q, said as %q, error %v", seen.Note, seen, err)
				}
				return
			}
			if !errors.Is(err, ErrBootDevice) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), b.target.Address.String()) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestPXEOnce(t *testing.T) {
	b, c := serveBMC(t), controller(t)
	b.target.EFI = true
	seen, err := c.PXEOnce(t.Context(), b.target)
	if err != nil || seen.Action != "on" || !seen.Status.On || seen.Boot.String() != "pxe (once, EFI)" {
		t.Errorf("off: %+v, %v", seen, err)
	}
	seen, err = c.PXEOnce(t.Context(), b.target)
	if err != nil || seen.Action != "cycle" || !seen.Status.On {
		t.Errorf("on: %+v, %v", seen, err)
	}
	if got := b.board.actions(); got != "[boot on boot cycle]" {
		t.Errorf("the board saw %s", got)
	}
	// A box that would boot from its disk isn't started in the hope of PXE.
	b.board.set(func(b *board) {
		b.revert = func(f *types.BootOptionParam_BootFlags) { *f = types.BootOptionParam_BootFlags{} }
	})
	if _, err := c.PXEOnce(t.Context(), b.target); !errors.Is(err, ErrBootDevice) {
		t.Errorf("reverted: %v", err)
	}
	if got := b.board.actions(); got != "[boot on boot cycle boot]" {
		t.Errorf("the board saw %s", got)
	}
}

func TestDeafBoard(t *testing.T) {
	b, c := serveBMC(t), controller(t)
	b.board.set(func(b *board) { b.deaf = true })
	seen, err := c.On(t.Context(), b.target)
	if !errors.Is(err, ErrPowerState) || seen.On || !strings.Contains(err.Error(), "still off") {
		t.Errorf("%+v, %v", seen, err)
	}
}

func TestWrongCredentials(t *testing.T) {
	b, c := serveBMC(t), controller(t)
	wrongPassword, wrongUser := b.target, b.target
	wrongPassword.Password = "not-" + password[:8]
	wrongUser.User = "root"
	for name, target := range map[string]Target{"password": wrongPassword, "user": wrongUser} {
		_, err := c.Status(t.Context(), target)
		if !errors.Is(err, ErrCredentials) || !strings.Contains(err.Error(), "bmc.user") {
			t.Errorf("wrong %s: %v", name, err)
		}
		if strings.Contains(err.Error(), target.Password) {
			t.Errorf("wrong %s: the error tells it: %v", name, err)
		}
	}
	if _, err := c.Status(t.Context(), b.target); err != nil {
		t.Errorf("the right ones after the wrong ones: %v", err)
	}
	long := b.target
	long.Password = strings.Repeat("p", 21)
	if _, err := c.Status(t.Context(), long); err == nil || strings.Contains(err.Error(), long.Password) {
		t.Errorf("a password too long: %v", err)
	}
	if _, err := c.Status(t.Context(), Target{}); err == nil || !strings.Contains(err.Error(), "address") {
		t.Errorf("no address: %v", err)
	}
}

func TestNoAnswer(t *testing.T) {
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	c := New(Options{Exchange: 20 * time.Millisecond, Retries: 1})
	target := Target{Address: silent.LocalAddr().(*net.UDPAddr).AddrPort(), User: user, Password: password}
	if _, err := c.Status(t.Context(), target); !errors.Is(err, ErrUnreachable) {
		t.Errorf("silent: %v", err)
	}
	// Without a listener the kernel returns an error.
	nobody := target
	nobody.Address = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), closedPort(t))
	if _, err := c.Status(t.Context(), nobody); !errors.Is(err, ErrUnreachable) {
		t.Errorf("nobody: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Status(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func closedPort(t *testing.T) uint16 {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// TestSessionsExhausted fills the BMC's four sessions with others.
func TestSessionsExhausted(t *testing.T) {
	b := serveBMC(t)
	c := New(Options{Exchange: 500 * time.Millisecond, Timeout: 3 * time.Second})
	var others []*session
	for range b.state.Sessions.Cap() {
		s, err := c.login(t.Context(), b.target, types.CipherSuiteID17, types.PrivilegeLevelAdministrator)
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, s)
	}
	if _, err := c.Status(t.Context(), b.target); !errors.Is(err, ErrSessions) {
		t.Errorf("all sessions taken: %v", err)
	}
	for _, s := range others {
		s.close(t.Context())
	}
	if _, err := c.Status(t.Context(), b.target); err != nil {
		t.Errorf("after they ended: %v", err)
	}
}

// TestConcurrent: many callers, two BMCs; each one's calls go in turn, so four
// sessions are never needed.
func TestConcurrent(t *testing.T) {
	a, b, c := serveBMC(t), serveBMC(t), controller(t)
	var wg sync.WaitGroup
	for i := range 40 {
		target := []Target{a.target, b.target}[i%2]
		wg.Go(func() {
			var err error
			if i%4 < 2 {
				_, err = c.Status(t.Context(), target)
			} else {
				_, err = c.SetBoot(t.Context(), target, PXE, BootOptions{})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := a.state.Sessions.Count() + b.state.Sessions.Count(); n != 0 {
		t.Errorf("%d sessions left open", n)
	}
}
