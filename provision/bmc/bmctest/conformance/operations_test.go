package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/ipmi"
	"rackhand/provision/bmc/redfish"
	"rackhand/provision/power"
)

// A clock is moved by those who sleep, so nothing waits.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// controller drives BMCs of both protocols by a clock of its own.
func controller(c *clock) *power.Controller { return patient(c, 20*time.Second) }

// impatient waits half a second for an answer that doesn't come.
func impatient(c *clock) *power.Controller { return patient(c, 500*time.Millisecond) }

func patient(c *clock, exchange time.Duration) *power.Controller {
	return power.New(power.Options{
		Now: c.Now, Sleep: c.Sleep, Poll: 5 * time.Second,
		Drivers: map[bmc.Protocol]bmc.Driver{
			// On a busy machine pyghmi takes seconds, and ends a login whose messages come twice.
			bmc.IPMI:    ipmi.Driver{Exchange: 5 * time.Second, Retries: 2},
			bmc.Redfish: redfish.Driver{Exchange: exchange},
		},
	})
}

// An operation is what an operator does, with the result of a BMC that can do it all.
type operation struct {
	name string
	want string
	run  func(ctx context.Context, c *power.Controller, t bmc.Target) (string, error)
}

// operations are in order: each begins in the state that the one before made.
func operations() []operation {
	state := func(f func(*power.Controller) func(context.Context, bmc.Target) (bmc.Status, error)) func(context.Context, *power.Controller, bmc.Target) (string, error) {
		return func(ctx context.Context, c *power.Controller, t bmc.Target) (string, error) {
			s, err := f(c)(ctx, t)
			return s.State(), err
		}
	}
	off := state(func(c *power.Controller) func(context.Context, bmc.Target) (bmc.Status, error) { return c.Off })
	on := state(func(c *power.Controller) func(context.Context, bmc.Target) (bmc.Status, error) { return c.On })
	status := state(func(c *power.Controller) func(context.Context, bmc.Target) (bmc.Status, error) { return c.Status })
	return append([]operation{
		{"off", "off", off},
		{"off when off", "off", off},
		{"on", "on", on},
		{"on when on", "on", on},
		{"status", "on", status},
		{"cycle", "on", state(func(c *power.Controller) func(context.Context, bmc.Target) (bmc.Status, error) { return c.Cycle })},
		{"reset", "on", state(func(c *power.Controller) func(context.Context, bmc.Target) (bmc.Status, error) { return c.Reset })},
		{"nmi", "on", state(func(c *power.Controller) func(context.Context, bmc.Target) (bmc.Status, error) { return c.NMI })},
		{"network once", "pxe (once, EFI)", boot(bmc.PXE, power.BootOptions{})},
		{"disk always", "disk (persistent, EFI)", boot(bmc.Disk, power.BootOptions{Persistent: true})},
		{"no override", "no override", boot(bmc.None, power.BootOptions{})},
		{"install", "pxe (once, EFI), on", func(ctx context.Context, c *power.Controller, t bmc.Target) (string, error) {
			s, err := c.PXEOnce(ctx, t)
			return fmt.Sprintf("%s, %s", s.Boot, s.Status.State()), err
		}},
		{"soft off", "off", state(func(c *power.Controller) func(context.Context, bmc.Target) (bmc.Status, error) {
			return func(ctx context.Context, t bmc.Target) (bmc.Status, error) {
				seen, _, err := c.SoftOff(ctx, t, time.Minute, false)
				return seen, err
			}
		})},
		{"wrong password", string(bmc.WhyPassword), refusedLogin(func(t *bmc.Target) { t.Password = "not-this-one" })},
		{"unknown user", string(bmc.WhyPassword), refusedLogin(func(t *bmc.Target) { t.User = "unheard-of" })},
	}, readings()...)
}

func boot(d bmc.BootDevice, o power.BootOptions) func(context.Context, *power.Controller, bmc.Target) (string, error) {
	return func(ctx context.Context, c *power.Controller, t bmc.Target) (string, error) {
		b, err := c.SetBoot(ctx, t, d, o)
		return b.String(), err
	}
}

// refusedLogin is the reason why a login failed.
func refusedLogin(change func(*bmc.Target)) func(context.Context, *power.Controller, bmc.Target) (string, error) {
	return func(ctx context.Context, c *power.Controller, t bmc.Target) (string, error) {
		change(&t)
		if _, err := c.Status(ctx, t); err != nil {
			return bmc.Why(err), nil
		}
		return "it was let in", nil
	}
}

// readings are the operations of a session that the controller only lends.
func readings() []operation {
	in := func(name, want string, need bmc.Privilege, f func(context.Context, bmc.Session) (string, error)) operation {
		return operation{name, want, func(ctx context.Context, c *power.Controller, t bmc.Target) (text string, err error) {
			err = c.With(ctx, name, t, need, func(ctx context.Context, s bmc.Session) (err error) {
				text, err = f(ctx, s)
				return err
			})
			return text, err
		}}
	}
	some := func(n int) string {
		if n > 0 {
			return "some"
		}
		return "nothing"
	}
	return []operation{
		in("lamp on", "", bmc.Operator, func(ctx context.Context, s bmc.Session) (string, error) { return "", s.Identify(ctx, true) }),
		in("lamp off", "", bmc.Operator, func(ctx context.Context, s bmc.Session) (string, error) { return "", s.Identify(ctx, false) }),
		in("info", "some", bmc.User, func(ctx context.Context, s bmc.Session) (string, error) {
			i, err := s.Info(ctx)
			return some(len(i.Maker + i.Model + i.BMC)), err
		}),
		in("sensors", "some", bmc.User, func(ctx context.Context, s bmc.Session) (string, error) {
			l, err := s.Sensors(ctx)
			return some(len(l)), err
		}),
		in("log", "some", bmc.User, func(ctx context.Context, s bmc.Session) (string, error) {
			l, err := s.Log(ctx, 5)
			return some(len(l)), err
		}),
		in("clear the log", "nothing", bmc.Administrator, func(ctx context.Context, s bmc.Session) (string, error) {
			if err := s.ClearLog(ctx); err != nil {
				return "", err
			}
			l, err := s.Log(ctx, 5)
			return some(len(l)), err
		}),
		in("network", "some", bmc.User, func(ctx context.Context, s bmc.Session) (string, error) {
			n, err := s.Network(ctx)
			return some(len(strings.Trim(n.MAC.String(), "0:"))), err
		}),
		in("write the network", "192.0.2.77/24, fixed", bmc.Administrator, func(ctx context.Context, s bmc.Session) (string, error) {
			want := bmc.Network{Address: netip.MustParsePrefix("192.0.2.77/24"), Gateway: netip.MustParseAddr("192.0.2.1")}
			if err := s.SetNetwork(ctx, want); err != nil {
				return "", err
			}
			n, err := s.Network(ctx)
			return fmt.Sprintf("%s, %s", n.Address, map[bool]string{true: "DHCP", false: "fixed"}[n.DHCP]), err
		}),
		in("users", "some", bmc.Administrator, func(ctx context.Context, s bmc.Session) (string, error) {
			l, err := s.Users(ctx)
			return some(len(l)), err
		}),
		in("clock", "some", bmc.User, func(ctx context.Context, s bmc.Session) (string, error) {
			at, err := s.Clock(ctx)
			return some(int(at.Unix())), err
		}),
		in("write a user", "operator", bmc.Administrator, func(ctx context.Context, s bmc.Session) (string, error) {
			if err := s.SetUser(ctx, bmc.Account{Name: "second", Privilege: bmc.Operator, Enabled: true}, "Pass-word-12"); err != nil {
				return "", err
			}
			l, err := s.Users(ctx)
			for _, a := range l {
				if a.Name == "second" {
					return string(a.Privilege), err
				}
			}
			return "it isn't there", err
		}),
	}
}

// result is what an operation came to, in a line.
func result(text string, err error) string {
	switch {
	case err == nil:
		return text
	case errors.Is(err, bmc.ErrUnsupported):
		return "can't: " + err.Error()
	}
	return "error: " + err.Error()
}

// conform runs the operations. An exception is a part of the result that the BMC has instead
// of the usual one; an exception that isn't needed is an error.
func conform(t *testing.T, c *power.Controller, target bmc.Target, exceptions map[string]string) {
	t.Helper()
	known := map[string]bool{}
	for _, op := range operations() {
		known[op.name] = true
		text, err := op.run(t.Context(), c, target)
		got := result(text, err)
		want, odd := exceptions[op.name]
		switch {
		case odd && got == op.want:
			t.Errorf("%s: it can do that now, %q: the exception %q has to go", op.name, got, want)
		case odd && (want == "" || !strings.Contains(got, want)), !odd && got != op.want:
			t.Errorf("%s: %q, want %q", op.name, got, map[bool]string{true: want, false: op.want}[odd])
		}
		if strings.Contains(fmt.Sprint(err), target.Password) {
			t.Errorf("%s: the password is in the error", op.name)
		}
	}
	for name := range exceptions {
		if !known[name] {
			t.Errorf("an exception for %q, which isn't an operation", name)
		}
	}
}
