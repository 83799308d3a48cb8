package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/bmctest/redfishsim"
	"rackhand/provision/power"
)

// TestHarmlessFaults: oddities with which everything goes on, but for the exceptions.
func TestHarmlessFaults(t *testing.T) {
	const unseen = "the BMC refused the command"
	for _, tt := range []struct {
		fault      redfishsim.Fault
		exceptions map[string]string
	}{
		{redfishsim.ETagWanted, nil},
		{redfishsim.ETagRefused, nil},
		{redfishsim.SettingsObject, nil},
		{redfishsim.FullBoot, nil},
		{redfishsim.NoneBlocks, nil},
		// A reset, an interrupt and a lamp can't be seen, so the refusal stands.
		{redfishsim.DoneBut400, map[string]string{"reset": unseen, "nmi": unseen, "lamp on": unseen, "lamp off": unseen}},
		{redfishsim.Lagging, nil},
		{redfishsim.Conflict, nil},
		{redfishsim.InPOST, nil},
		{redfishsim.NoPowerCycle, nil},
		{redfishsim.SwallowsCycle, nil},
		{redfishsim.AlreadyOn, nil},
		{redfishsim.IgnoresSoftOff, map[string]string{"soft off": noShutdown}},
		{redfishsim.SessionExpires, nil},
		{redfishsim.SlotAccounts, nil},
		{redfishsim.OverrideUnused, nil}, // the missing DISCOVER shows it
		{redfishsim.ModeLost, map[string]string{"network once": "it lost: EFI", "disk always": "it lost: EFI", "install": "it lost: EFI"}},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			sim, target := bmctest.ServeRedfish(t, redfishsim.Options{Faults: []redfishsim.Fault{tt.fault}, Now: clock.Now})
			target.EFI = true
			conform(t, controller(clock), target, tt.exceptions)
			afterwards(t, sim, map[bool]string{false: "Pxe"}[tt.fault == redfishsim.OverrideUnused])
		})
	}
}

// TestSecondSystem: of two systems behind one BMC, only the host's own is touched.
func TestSecondSystem(t *testing.T) {
	clock := newClock()
	sim, target := bmctest.ServeRedfish(t, redfishsim.Options{Faults: []redfishsim.Fault{redfishsim.TwoSystems}, Now: clock.Now})
	const other = "/redfish/v1/Systems/Other"
	before := fmt.Sprint(sim.Document(other))
	target.System, target.EFI = "1", true
	conform(t, controller(clock), target, nil)
	afterwards(t, sim, "Pxe")
	if after := fmt.Sprint(sim.Document(other)); after != before {
		t.Errorf("the other system was\n%s\nand is\n%s", before, after)
	}
}

// TestTrust: no name and no password goes to a BMC whose certificate isn't trusted.
func TestTrust(t *testing.T) {
	clock := newClock()
	sim, target := bmctest.ServeRedfish(t, redfishsim.Options{Now: clock.Now})
	c := controller(clock)
	for _, tt := range []struct {
		name   string
		change func(*bmc.Target)
		is     error
		says   string
	}{
		{"nothing given", func(t *bmc.Target) { t.Fingerprint = "" }, bmc.ErrCertificate, sim.Fingerprint()},
		{"another fingerprint", func(t *bmc.Target) { t.Fingerprint = strings.Repeat("0", 64) }, bmc.ErrCertificate, sim.Fingerprint()},
		{"its fingerprint", func(*bmc.Target) {}, nil, ""},
		{"its authority", func(t *bmc.Target) { t.Fingerprint, t.CA = "", sim.CertificatePEM() }, nil, ""},
	} {
		to, logins := target, sim.Logins()
		tt.change(&to)
		_, err := c.Status(t.Context(), to)
		if !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %v with %q", tt.name, err, tt.is, tt.says)
		}
		if let := sim.Logins() > logins; let != (tt.is == nil) {
			t.Errorf("%s: logged in: %v", tt.name, let)
		}
	}
}

// TestFaults: each fault that stops an operation has an error of its own, says what to do,
// and keeps no session open.
func TestFaults(t *testing.T) {
	status := func(ctx context.Context, p peer) error { _, err := p.c.Status(ctx, p.target); return err }
	install := func(ctx context.Context, p peer) error { _, err := p.c.PXEOnce(ctx, p.target); return err }
	off := func(ctx context.Context, p peer) error { _, err := p.c.Off(ctx, p.target); return err }
	const system = "/redfish/v1/Systems"
	locked := func(ctx context.Context, p peer) error {
		wrong := p.target
		wrong.Password = "not-this-one"
		for range 5 {
			if _, err := p.c.Status(ctx, wrong); !errors.Is(err, bmc.ErrCredentials) {
				return fmt.Errorf("a wrong password: %w", err)
			}
		}
		return status(ctx, p)
	}
	operator := func(ctx context.Context, p peer) error {
		p.sim.AddAccount("oper", p.target.Password, "Operator")
		p.target.User = "oper"
		if err := status(ctx, p); err != nil {
			return err
		}
		return p.c.With(ctx, "write a user", p.target, bmc.Administrator, func(ctx context.Context, s bmc.Session) error {
			return s.SetUser(ctx, bmc.Account{Name: "third", Privilege: bmc.User, Enabled: true}, "Pass-word-12")
		})
	}
	reader := func(ctx context.Context, p peer) error {
		p.sim.AddAccount("reader", p.target.Password, "ReadOnly")
		p.target.User = "reader"
		return install(ctx, p)
	}
	for _, tt := range []struct {
		name  string
		fault redfishsim.Fault
		at    string
		run   func(context.Context, peer) error
		is    error
		says  string
	}{
		{"html", redfishsim.HTML, "", status, bmc.ErrNoRedfish, "protocol: ipmi"},
		{"html within a session", redfishsim.HTML, system, status, bmc.ErrAnswer, "a page for people"},
		{"huge", redfishsim.Huge, system, status, bmc.ErrAnswer, "4 MiB"},
		{"huge from the beginning", redfishsim.Huge, "", status, bmc.ErrAnswer, "4 MiB"},
		{"truncated", redfishsim.Truncated, system, status, bmc.ErrSilent, ""},
		{"stalls", redfishsim.Stalls, system, status, bmc.ErrSilent, ""},
		{"redirects", redfishsim.Redirects, "", status, bmc.ErrAnswer, "follows no redirect"},
		{"redirects within a session", redfishsim.Redirects, system, status, bmc.ErrAnswer, "follows no redirect"},
		{"must change its password", redfishsim.MustChange, "", status, bmc.ErrPasswordChange, ""},
		{"locked", redfishsim.Locked, "", locked, bmc.ErrLocked, ""},
		{"an operator", "", "", operator, bmc.ErrPrivilege, "Administrator"},
		{"an account that only reads", "", "", reader, bmc.ErrPrivilege, "Operator"},
		{"no session free", redfishsim.SessionsExhausted, "", status, bmc.ErrSessions, "end sessions"},
		{"two systems", redfishsim.TwoSystems, "", status, nil, "bmc: {system: ID}"},
		{"no boot object", redfishsim.NoBoot, "", install, bmc.ErrUnsupported, "it has no boot override"},
		{"override ignored", redfishsim.OverrideIgnored, "", install, bmc.ErrBootDevice, ""},
		{"override reverted", redfishsim.OverrideReverted, "", install, bmc.ErrBootDevice, ""},
		{"once becomes continuous", redfishsim.OnceContinuous, "", install, bmc.ErrBootDevice, ""},
		{"swallows reset", redfishsim.SwallowsReset, "", install, bmc.ErrPowerState, ""},
		{"swallows off", redfishsim.SwallowsReset, "", off, bmc.ErrPowerState, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := faulty(t, redfishsim.Options{Faults: []redfishsim.Fault{tt.fault}, At: tt.at})
			err := tt.run(t.Context(), p)
			if err == nil {
				t.Fatal("no error")
			}
			if tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %v, %q", err, tt.is, tt.says)
			}
			if strings.Contains(err.Error(), p.target.Password) {
				t.Error("the password is in the error")
			}
			if n := p.sim.OpenSessions(); n != 0 {
				t.Errorf("%d sessions are open", n)
			}
			if r := p.sim.Elsewhere(); slices.ContainsFunc(r, func(r redfishsim.Request) bool { return r.Credentials }) {
				t.Errorf("credentials went to another host: %v", r)
			}
			if p.sim.Sent() > 16<<20 {
				t.Errorf("it took %d bytes of one body", p.sim.Sent())
			}
		})
	}
}

// A peer is a service of the small tree with the controller that drives it.
type peer struct {
	sim    *redfishsim.Service
	c      *power.Controller
	target bmc.Target
}

// faulty has its box on before the fault begins, where the documents don't show the fault.
func faulty(t *testing.T, o redfishsim.Options) peer {
	clock := newClock()
	o.Now = clock.Now
	sim, target := bmctest.ServeRedfish(t, o)
	p := peer{sim, controller(clock), target}
	if slices.Contains(o.Faults, redfishsim.Stalls) {
		p.c = impatient(clock)
	}
	if slices.Contains(o.Faults, redfishsim.SwallowsReset) {
		sim.Set(redfishsim.SwallowsReset, false)
		if _, err := p.c.On(t.Context(), target); err != nil {
			t.Fatal(err)
		}
		sim.Set(redfishsim.SwallowsReset, true)
	}
	return p
}
