//go:build e2e

package audit_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/audit/probe"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/ipmi"
	"rackhand/provision/power"
)

// TestPeers asks BMCs of other projects what they tell without a login, and audits them.
// ipmitool logs in afterwards: nothing was left behind.
func TestPeers(t *testing.T) {
	for _, tt := range []struct {
		name string
		bmc  func(testing.TB) bmc.Target
		// The answers without a login, and those to an unknown user.
		told, unknown string
		found         string
	}{
		// Its clock counts from its start. ipmitool gets in by suite 0 with any password, too.
		{
			"ipmi_sim", bmctest.IPMISim,
			"{Nameless:true Anonymous:false NoPassword:true Suites:[0 1 2 3 4 5 6 7 8 9 10 11 12 13 14] Zero:accepted}",
			"{Nameless:true Anonymous:false NoPassword:true Suites:[0 1 2 3 4 5 6 7 8 9 10 11 12 13 14] Zero:offered}",
			"cipher-suite-0: weba\nno-password: weba\nclock-far: weba\nnameless-user: weba\nweak-cipher-suites: weba\nadministrator: weba",
		},
		// It offers suite 3 to a request for suite 0.
		{
			"pyghmi", bmctest.Pyghmi,
			"{Nameless:false Anonymous:false NoPassword:false Suites:[3] Zero:}",
			"{Nameless:false Anonymous:false NoPassword:false Suites:[3] Zero:}",
			"",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := tt.bmc(t)
			for user, want := range map[string]string{target.User: tt.told, "nosuch": tt.unknown} {
				got, err := (probe.Prober{Random: rand.Reader}).IPMI(t.Context(), target.Address, user)
				if err != nil {
					t.Fatal(err)
				}
				if said := fmt.Sprintf("%+v", *got); said != want {
					t.Errorf("as %s: %s, want %s", user, said, want)
				}
			}
			s := newSite(t, 1)
			here := s.targets["weba"]
			here.User, here.Password = target.User, target.Password
			s.targets["weba"] = here
			s.answers["udp "+here.Address.String()] = target.Address.String()
			s.With = power.New(power.Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: ipmi.Driver{Dial: s.dial}}}).With
			s.Clock = time.Now
			got, err := s.Audit(t.Context(), provision.AuditRequest{})
			if err != nil || kinds(got) != tt.found {
				t.Errorf("%v: found\n%s\nwant\n%s", err, kinds(got), tt.found)
			}
			if said, err := bmctest.IPMITool(target, "chassis", "power", "status"); err != nil {
				t.Errorf("ipmitool afterwards: %v\n%s", err, said)
			}
		})
	}
}
