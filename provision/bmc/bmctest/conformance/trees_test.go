package conformance

import (
	"strings"
	"testing"

	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/bmctest/redfishsim"
)

// Reasons that several trees share.
const (
	notCaptured = "404" // the tree has no such document
	noSensor    = "it shows no sensor with a value"
	noLog       = "it has no event log"
	noLamp      = "it has no identify lamp"
	noBoot      = "it has no boot override"
	noPort      = "it shows no port of its own"
	noClock     = "it doesn't show its clock"
)

// exceptions are what the BMC of each tree can't do, or does otherwise.
func exceptions() map[string]map[string]string {
	return map[string]map[string]string{
		"intel-s2600bpb": {"sensors": noSensor},
		"hpecray-ex425-multinode": {
			"reset": "it has no ForceRestart, only ForceOff, On, Off", "nmi": "it has no Nmi", "soft off": "it has no GracefulShutdown",
			"network once": noBoot, "disk always": noBoot, "no override": noBoot, "install": noBoot,
			"lamp on": noLamp, "lamp off": noLamp, "log": "nothing", "network": noPort, "write the network": noPort,
		},
		"dmtf-rackmount1": {"network": notCaptured, "write the network": notCaptured},
		"dell-idrac9-bmclib": {
			"sensors": noSensor, "network": notCaptured, "write the network": notCaptured, "users": notCaptured, "clock": noClock, "write a user": notCaptured,
		},
		"dell-idrac-sushy": {
			"sensors": noSensor, "log": noLog, "clear the log": noLog, "network": notCaptured, "write the network": notCaptured, "users": notCaptured, "write a user": notCaptured,
		},
		"supermicro-x12-bmclib": {
			"sensors": noSensor, "log": noLog, "clear the log": noLog, "network": notCaptured, "write the network": notCaptured, "users": notCaptured, "write a user": notCaptured,
		},
		// They have no BootSourceOverrideMode.
		"supermicro-x10-fw1.19": {"network once": "pxe (once)", "install": "pxe (once), on"},
		"supermicro-gb300-twosystems": {
			"network once": "pxe (once)", "disk always": "disk (persistent)", "install": "pxe (once), on",
			"log": noLog, "clear the log": noLog,
		},
		"openbmc-stock": {"sensors": noSensor, "log": "nothing"},
		"lenovo-xcc-bmclib": {
			"disk always": "Once, Disabled only, not Continuous", "lamp on": noLamp, "lamp off": noLamp, "clock": noClock,
		},
	}
}

// TestTrees: each captured tree, made live.
func TestTrees(t *testing.T) {
	for _, tree := range bmctest.Trees(t) {
		t.Run(tree.Name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			sim, target := bmctest.ServeRedfish(t, redfishsim.Options{Tree: tree.FS, Now: clock.Now})
			target.EFI = true
			if strings.Contains(tree.Name, "cray") {
				target.System = "Node1"
			} else if strings.Contains(tree.Name, "twosystems") {
				target.System = "System_0"
			}
			conform(t, controller(clock), target, exceptions()[tree.Name])
			booted := "Pxe"
			if exceptions()[tree.Name]["install"] == noBoot {
				booted = ""
			}
			afterwards(t, sim, booted)
		})
	}
}

// afterwards: no session is open, and the last boot, that of the install, used this target.
func afterwards(t *testing.T, sim *redfishsim.Service, booted string) {
	t.Helper()
	if n := sim.OpenSessions(); n != 0 {
		t.Errorf("%d sessions are open of %d", n, sim.Logins())
	}
	if b := sim.Boots(); len(b) == 0 || b[len(b)-1] != booted {
		t.Errorf("the boots used %q; the last one has to use %q", b, booted)
	}
}
