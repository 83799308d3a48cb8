package conformance

import (
	"testing"

	"rackhand/provision/bmc/bmctest"
)

const (
	noCommand   = "completion code C1h: invalid command"
	noInterrupt = "the BMC refused the command" // chassis control 4
	noShutdown  = "its system doesn't shut down"
)

// TestOwnIPMI: go-ipmi's server with the tests' chassis. It has no event log, no sensors, no
// clock and no port, and no system that would shut down.
func TestOwnIPMI(t *testing.T) {
	b := bmctest.Serve(t)
	b.Target.EFI = true
	conform(t, controller(newClock()), b.Target, map[string]string{
		"nmi": noInterrupt, "soft off": noShutdown, "sensors": "nothing", "network": "nothing", "write the network": noCommand,
		"log": noCommand, "clear the log": noCommand, "clock": noCommand,
	})
}
