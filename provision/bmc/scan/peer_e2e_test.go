//go:build e2e

package scan

import (
	"net/netip"
	"testing"

	"rackhand/provision"
	"rackhand/provision/bmc/bmctest"
)

// TestOpenIPMI finds OpenIPMI's ipmi_sim.
func TestOpenIPMI(t *testing.T) {
	sim := bmctest.StartSystemInterface(t)
	var found []provision.FoundBMC
	s := Scanner{IPMIPort: sim.LAN.Port(), RedfishPort: 1}
	err := s.Run(t.Context(), provision.ScanRequest{Network: netip.PrefixFrom(sim.LAN.Addr(), 32)}, func(f provision.FoundBMC) { found = append(found, f) })
	if err != nil || len(found) != 1 || found[0].Address != sim.LAN.Addr() || found[0].IPMI != "2.0" {
		t.Errorf("found %+v: %v", found, err)
	}
}
