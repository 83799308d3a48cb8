package page_test

import (
	"strings"
	"testing"

	"rackhand/provision"
)

// TestUnclaimedBMC: a box that is probably a BMC is offered for its host, not for an install.
func TestUnclaimedBMC(t *testing.T) {
	const mac = "52:54:00:00:00:0a"
	f := newFake()
	f.hosts = append(f.hosts, provision.HostStatus{Host: mac, Unclaimed: true, MACs: []string{mac}, ProbablyBMC: "Dell <b>", LastSeen: theTime()})
	h := newPage(t, f)
	for _, path := range []string{"/", "/host/" + mac} {
		body := get(t, h, path).Body.String()
		for _, want := range []string{"robably a BMC (Dell &lt;b&gt;)", "rackhand bmc add HOST --mac " + mac} {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		if strings.Contains(body, "rackhand claim "+mac) {
			t.Errorf("%s offers it as a host", path)
		}
	}
}
