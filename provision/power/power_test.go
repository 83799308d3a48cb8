package power

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/ipmi"
)

func TestChassis(t *testing.T) {
	for _, suite := range []types.CipherSuiteID{types.CipherSuiteID17, types.CipherSuiteID3} {
		b, c := bmctest.Serve(t, suite), controller(t)
		ctx := t.Context()
		steps := []struct {
			name string
			do   func() (bmc.Status, error)
			on   bool
			err  error
		}{
			{"status", func() (bmc.Status, error) { return c.Status(ctx, b.Target) }, false, nil},
			{"reset when off", func() (bmc.Status, error) { return c.Reset(ctx, b.Target) }, false, bmc.ErrRefused},
			{"cycle when off", func() (bmc.Status, error) { return c.Cycle(ctx, b.Target) }, true, nil},
			{"cycle when on", func() (bmc.Status, error) { return c.Cycle(ctx, b.Target) }, true, nil},
			{"reset", func() (bmc.Status, error) { return c.Reset(ctx, b.Target) }, true, nil},
			{"on when on", func() (bmc.Status, error) { return c.On(ctx, b.Target) }, true, nil},
			{"off", func() (bmc.Status, error) { return c.Off(ctx, b.Target) }, false, nil},
			{"on", func() (bmc.Status, error) { return c.On(ctx, b.Target) }, true, nil},
		}
		for _, s := range steps {
			seen, err := s.do()
			if !errors.Is(err, s.err) || seen.On != s.on {
				t.Errorf("suite %d, %s: %+v, %v", suite, s.name, seen, err)
			}
		}
		if got := b.Board.Actions(); got != "[on off on reset on off on]" {
			t.Errorf("suite %d: the board saw %s", suite, got)
		}
		if n := b.State.Sessions.Count(); n != 0 {
			t.Errorf("suite %d: %d sessions left open", suite, n)
		}
		if k := c.known(b.Target.Address); k.memory.Suite != int(suite) {
			t.Errorf("suite %d isn't remembered: %v", suite, k.memory.Suite)
		}
	}
}

func TestSetBoot(t *testing.T) {
	b, c := bmctest.Serve(t), controller(t)
	for _, tt := range []struct {
		dev  bmc.BootDevice
		opts BootOptions
		want string
	}{
		{bmc.PXE, BootOptions{}, "pxe (once)"},
		{bmc.PXE, BootOptions{EFI: true}, "pxe (once, EFI)"},
		{bmc.Disk, BootOptions{Persistent: true}, "disk (persistent)"},
		{bmc.Disk, BootOptions{Persistent: true, EFI: true}, "disk (persistent, EFI)"},
		{bmc.None, BootOptions{}, "no override"},
	} {
		seen, err := c.SetBoot(t.Context(), b.Target, tt.dev, tt.opts)
		if err != nil || seen.String() != tt.want || seen.Note != "" {
			t.Errorf("%s: %s, %q, %v", tt.want, seen, seen.Note, err)
		}
		if again, err := c.GetBoot(t.Context(), b.Target); err != nil || again != seen {
			t.Errorf("%s: read again: %s, %v", tt.want, again, err)
		}
	}
	if _, err := c.SetBoot(t.Context(), b.Target, "floppy", BootOptions{}); err == nil || !strings.Contains(err.Error(), "floppy") {
		t.Errorf("floppy: %v", err)
	}
}

// TestBootReverted: BMCs that accept an override and keep another one.
func TestBootReverted(t *testing.T) {
	type flags = types.BootOptionParam_BootFlags
	for _, tt := range []struct {
		name   string
		revert func(*flags)
		ask    bmc.BootDevice
		opts   BootOptions
		want   string // in the error; "" for none
		note   string
	}{
		{"other device", func(f *flags) { f.BootDeviceSelector = types.BootDeviceSelectorForceHardDrive }, bmc.PXE, BootOptions{}, "pxe (once) was set, but it has disk (once)", ""},
		{"dropped", func(f *flags) { *f = flags{} }, bmc.PXE, BootOptions{}, "has no override", ""},
		{"valid lost (OpenIPMI)", func(f *flags) { f.BootFlagsValid = false }, bmc.PXE, BootOptions{}, "", "pxe (once) was set; it lost: valid"},
		{"valid lost and another device", func(f *flags) { f.BootFlagsValid, f.BootDeviceSelector = false, types.BootDeviceSelectorForceHardDrive }, bmc.PXE, BootOptions{}, "has no override", ""},
		{"made persistent", func(f *flags) { f.Persist = true }, bmc.PXE, BootOptions{}, "has pxe (persistent)", ""},
		{"made one-shot (pyghmi)", func(f *flags) { f.Persist = false }, bmc.Disk, BootOptions{Persistent: true}, "", "disk (persistent) was set; it lost: persistent"},
		{"keeps what it had", func(f *flags) { f.BootFlagsValid, f.BootDeviceSelector = true, types.BootDeviceSelectorForcePXE }, bmc.None, BootOptions{}, "its override was cleared, but it still has pxe", ""},
		{"EFI lost", func(f *flags) { f.BIOSBootType = false }, bmc.PXE, BootOptions{EFI: true}, "", "pxe (once, EFI) was set; it lost: EFI"},
		{"EFI added", func(f *flags) { f.BIOSBootType = true }, bmc.PXE, BootOptions{}, "", "pxe (once) was set; it added: EFI"},
		{"all lost", func(f *flags) { f.BootFlagsValid, f.Persist, f.BIOSBootType = false, false, false }, bmc.Disk, BootOptions{Persistent: true, EFI: true}, "", "lost: valid, persistent, EFI"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, c := bmctest.Serve(t), controller(t)
			b.Board.Set(func(b *bmctest.Board) { b.Revert = tt.revert })
			seen, err := c.SetBoot(t.Context(), b.Target, tt.ask, tt.opts)
			if tt.want == "" {
				if err != nil || !strings.Contains(seen.Note, tt.note) || !strings.Contains(seen.String(), tt.note) {
					t.Errorf("note %q, said as %q, error %v", seen.Note, seen, err)
				}
				return
			}
			if !errors.Is(err, bmc.ErrBootDevice) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), b.Target.Address.String()) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestPXEOnce(t *testing.T) {
	b, c := bmctest.Serve(t), controller(t)
	b.Target.EFI = true
	seen, err := c.PXEOnce(t.Context(), b.Target)
	if err != nil || seen.Action != "on" || !seen.Status.On || seen.Boot.String() != "pxe (once, EFI)" {
		t.Errorf("off: %+v, %v", seen, err)
	}
	seen, err = c.PXEOnce(t.Context(), b.Target)
	if err != nil || seen.Action != "off, on" || !seen.Status.On {
		t.Errorf("on: %+v, %v", seen, err)
	}
	if got := b.Board.Actions(); got != "[boot on boot off on]" {
		t.Errorf("the board saw %s", got)
	}
	// A box that would boot from its disk isn't started in the hope of bmc.PXE.
	b.Board.Set(func(b *bmctest.Board) {
		b.Revert = func(f *types.BootOptionParam_BootFlags) { *f = types.BootOptionParam_BootFlags{} }
	})
	if _, err := c.PXEOnce(t.Context(), b.Target); !errors.Is(err, bmc.ErrBootDevice) {
		t.Errorf("reverted: %v", err)
	}
	if got := b.Board.Actions(); got != "[boot on boot off on boot]" {
		t.Errorf("the board saw %s", got)
	}
}

func TestDeafBoard(t *testing.T) {
	b, c := bmctest.Serve(t), controller(t)
	b.Board.Set(func(b *bmctest.Board) { b.Deaf = true })
	seen, err := c.On(t.Context(), b.Target)
	if !errors.Is(err, bmc.ErrPowerState) || bmc.Why(err) != bmc.WhyState || seen.On || !strings.Contains(err.Error(), "still off") {
		t.Errorf("%+v, %v", seen, err)
	}
}

func TestWrongCredentials(t *testing.T) {
	b, c := bmctest.Serve(t), controller(t)
	wrongPassword, wrongUser := b.Target, b.Target
	wrongPassword.Password = "not-" + bmctest.Password[:8]
	wrongUser.User = "root"
	for name, target := range map[string]bmc.Target{"password": wrongPassword, "user": wrongUser} {
		_, err := c.Status(t.Context(), target)
		if !errors.Is(err, bmc.ErrCredentials) || bmc.Why(err) != bmc.WhyPassword || !strings.Contains(err.Error(), "bmc.user") {
			t.Errorf("wrong %s: %s, %v", name, bmc.Why(err), err)
		}
		if strings.Contains(err.Error(), target.Password) {
			t.Errorf("wrong %s: the error tells it: %v", name, err)
		}
	}
	if _, err := c.Status(t.Context(), b.Target); err != nil {
		t.Errorf("the right ones after the wrong ones: %v", err)
	}
	long := b.Target
	long.Password = strings.Repeat("p", 21)
	if _, err := c.Status(t.Context(), long); err == nil || strings.Contains(err.Error(), long.Password) {
		t.Errorf("a password too long: %v", err)
	}
	if _, err := c.Status(t.Context(), bmc.Target{}); err == nil || !strings.Contains(err.Error(), "address") {
		t.Errorf("no address: %v", err)
	}
}

func TestNoAnswer(t *testing.T) {
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	c := controllerOf(ipmi.Driver{Exchange: 20 * time.Millisecond, Retries: 1}, Options{})
	target := bmc.Target{Address: silent.LocalAddr().(*net.UDPAddr).AddrPort(), User: bmctest.User, Password: bmctest.Password}
	if _, err := c.Status(t.Context(), target); !errors.Is(err, bmc.ErrUnreachable) || bmc.Why(err) != bmc.WhySilence {
		t.Errorf("silent: %s, %v", bmc.Why(err), err)
	}
	// Without a listener the kernel returns an error.
	nobody := target
	nobody.Address = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), closedPort(t))
	if _, err := c.Status(t.Context(), nobody); !errors.Is(err, bmc.ErrUnreachable) || bmc.Why(err) != bmc.WhyAddress {
		t.Errorf("nobody: %s, %v", bmc.Why(err), err)
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

// TestConcurrent: many callers, two BMCs; each one's calls go in turn, so four
// sessions are never needed.
func TestConcurrent(t *testing.T) {
	a, b, c := bmctest.Serve(t), bmctest.Serve(t), controller(t)
	var wg sync.WaitGroup
	for i := range 40 {
		target := []bmc.Target{a.Target, b.Target}[i%2]
		wg.Go(func() {
			var err error
			if i%4 < 2 {
				_, err = c.Status(t.Context(), target)
			} else {
				_, err = c.SetBoot(t.Context(), target, bmc.PXE, BootOptions{})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := a.State.Sessions.Count() + b.State.Sessions.Count(); n != 0 {
		t.Errorf("%d sessions left open", n)
	}
}

// controllerOf is a controller that speaks IPMI only.
func controllerOf(d ipmi.Driver, o Options) *Controller {
	d.Log, o.Drivers = o.Log, map[bmc.Protocol]bmc.Driver{bmc.IPMI: d}
	return New(o)
}

// controller is one with short waits and a log that is looked at for secrets.
func controller(t *testing.T) *Controller {
	t.Helper()
	var log bmctest.Buffer
	t.Cleanup(func() {
		if bytes.Contains(log.Bytes(), []byte(bmctest.Password)) {
			t.Error("the log tells the password")
		}
	})
	return controllerOf(ipmi.Driver{Exchange: 500 * time.Millisecond}, Options{
		Log:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Settle: 300 * time.Millisecond, Poll: 10 * time.Millisecond,
	})
}

// TestAlreadyAsWanted: BMCs that refuse to switch on what is on (D5h).
func TestAlreadyAsWanted(t *testing.T) {
	b, c := bmctest.Serve(t), controller(t)
	b.Board.Set(func(b *bmctest.Board) { b.Same = true })
	for _, do := range []struct {
		name string
		do   func() (bmc.Status, error)
		on   bool
	}{
		{"off when off", func() (bmc.Status, error) { return c.Off(t.Context(), b.Target) }, false},
		{"on", func() (bmc.Status, error) { return c.On(t.Context(), b.Target) }, true},
		{"on when on", func() (bmc.Status, error) { return c.On(t.Context(), b.Target) }, true},
	} {
		if seen, err := do.do(); err != nil || seen.On != do.on {
			t.Errorf("%s: %+v, %v", do.name, seen, err)
		}
	}
	if _, err := c.Off(t.Context(), b.Target); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reset(t.Context(), b.Target); !errors.Is(err, bmc.ErrRefused) || !strings.Contains(err.Error(), "the box is off") {
		t.Errorf("reset when off: %v", err)
	}
	// Somebody presses the button between the look and the command.
	for _, on := range []bool{true, false} {
		b.Board.Set(func(h *bmctest.Board) {
			h.Before = func() {
				b.Board.Set(func(h *bmctest.Board) { h.Before = nil })
				_ = b.Board.Chassis.SetPower(t.Context(), on)
			}
		})
		if seen, err := c.Cycle(t.Context(), b.Target); err != nil || !seen.On {
			t.Errorf("cycle of a box that went to %v meanwhile: %+v, %v", on, seen, err)
		}
	}
	// A refusal of a state that isn't the wanted one stays an error.
	b.Board.Set(func(h *bmctest.Board) { h.Stuck = true })
	if seen, err := c.Off(t.Context(), b.Target); !errors.Is(err, bmc.ErrRefused) || !seen.On || !strings.Contains(err.Error(), "the box is on") {
		t.Errorf("off, refused when on: %+v, %v", seen, err)
	}
}
