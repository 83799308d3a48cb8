//go:build e2e

package conformance

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/bmctest/redfishsim"
	"rackhand/provision/power"
)

// TestForeignIPMI: the BMCs of OpenIPMI and pyghmi, which lose bits by themselves. pyghmi's
// has the chassis commands alone.
func TestForeignIPMI(t *testing.T) {
	for _, tt := range []struct {
		name       string
		start      func(testing.TB) bmc.Target
		exceptions map[string]string
	}{
		{"OpenIPMI", bmctest.IPMISim, map[string]string{
			"network once": "it lost: valid, EFI", "disk always": "it lost: valid, persistent, EFI", "install": "it lost: valid, EFI",
			"nmi": noInterrupt, "network": "nothing", "clock": "nothing",
			"info": "D4h", // its GUID is for administrators
		}},
		{"pyghmi", bmctest.Pyghmi, map[string]string{
			"network once": "it lost: EFI", "disk always": "it lost: persistent, EFI", "install": "it lost: EFI", "no override": "none (once)",
			"nmi": noInterrupt, "soft off": "the BMC refused the command", "lamp on": noCommand, "lamp off": noCommand,
			"sensors": noCommand, "log": noCommand, "clear the log": noCommand, "network": noCommand, "write the network": noCommand, "clock": noCommand,
			"users": noCommand, "write a user": noCommand,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := tt.start(t)
			target.EFI = true
			conform(t, controller(newClock()), target, tt.exceptions)
		})
	}
}

// TestRedfishtool: DMTF's client reads what our code wrote, and drives the same service: the
// simulator speaks Redfish as others understand it.
func TestRedfishtool(t *testing.T) {
	clock := newClock()
	sim, target := bmctest.ServeRedfish(t, redfishsim.Options{Now: clock.Now})
	target.EFI = true
	c := controller(clock)
	redfishtool := func(args ...string) string {
		t.Helper()
		config := filepath.Join(t.TempDir(), "config") // keeps the password out of the arguments
		text, _ := json.Marshal(map[string]string{"user": target.User, "password": target.Password})
		if err := os.WriteFile(config, text, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "redfishtool", append([]string{"-c", config, "-r", target.Address.String(), "-S", "Always", "-T", "20"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("redfishtool %v: %v\n%s (Debian package redfishtool)", args, err, out)
		}
		return string(out)
	}
	if _, err := c.On(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetBoot(t.Context(), target, bmc.PXE, power.BootOptions{}); err != nil {
		t.Fatal(err)
	}
	said := redfishtool("Systems", "-F")
	for _, want := range []string{`"PowerState": "On"`, `"BootSourceOverrideTarget": "Pxe"`, `"BootSourceOverrideEnabled": "Once"`} {
		if !strings.Contains(said, want) {
			t.Errorf("redfishtool lacks %s:\n%s", want, said)
		}
	}
	redfishtool("Systems", "-F", "setBootOverride", "Once", "Hdd")
	if b, err := c.GetBoot(t.Context(), target); err != nil || b.String() != "disk (once, EFI)" {
		t.Errorf("after redfishtool's override: %s, %v", b, err)
	}
	redfishtool("Systems", "-F", "reset", "ForceOff")
	if s, err := c.Status(t.Context(), target); err != nil || s.On {
		t.Errorf("after redfishtool's ForceOff: %+v, %v", s, err)
	}
	if err := c.With(t.Context(), "write a user", target, bmc.Administrator, func(ctx context.Context, s bmc.Session) error {
		return s.SetUser(ctx, bmc.Account{Name: "second", Privilege: bmc.Operator, Enabled: true}, "Pass-word-12")
	}); err != nil {
		t.Fatal(err)
	}
	if said := redfishtool("AccountService", "Accounts", "-m", "UserName:second"); !strings.Contains(said, `"RoleId": "Operator"`) {
		t.Errorf("the user that rackhand wrote, as redfishtool reads it:\n%s", said)
	}
	if n := sim.OpenSessions(); n != 0 {
		t.Errorf("%d sessions are open", n)
	}
}
