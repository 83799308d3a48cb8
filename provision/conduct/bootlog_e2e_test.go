//go:build e2e

package conduct

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/ipmi"
	"rackhand/provision/power"
)

// TestBootLogOfOpenIPMI reads OpenIPMI's event log over IPMI, after an entry about the boot was
// added to it by ipmitool.
func TestBootLogOfOpenIPMI(t *testing.T) {
	sim := bmctest.StartSystemInterface(t)
	c := armed(t)
	c.Power = power.New(power.Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: ipmi.Driver{Exchange: time.Second, Retries: 2}}})
	c.Target = func(*inventory.Host) (bmc.Target, error) {
		return bmc.Target{Address: sim.LAN, User: "ADMIN", Password: "factory", Protocol: bmc.IPMI}, nil
	}
	if err := c.Journal.Record(provision.Event{Host: "web1", Source: "bmc", Kind: "powered-on", Stage: provision.Powered, Fields: map[string]string{"power": "on"}}); err != nil {
		t.Fatal(err)
	}
	add := func(data string) { // Add SEL Entry (IPMI 2.0 §31.6), of a system event (§32.1)
		cmd := exec.Command("ipmitool", append([]string{
			"-I", "lanplus", "-C", "3", "-H", sim.LAN.Addr().String(), "-p", strconv.Itoa(int(sim.LAN.Port())), "-U", "ADMIN", "-E", "raw", "0x0a", "0x44",
		}, strings.Fields("0 0 2 0 0 0 0 0x20 0 4 "+data)...)...)
		cmd.Env = append(os.Environ(), "IPMI_PASSWORD=factory")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ipmitool: %v %s", err, out)
		}
	}
	read := func(after time.Duration) {
		for _, in := range c.bootLogs.wanted(c.Journal.Installs(), c.Journal.Counted().Add(after)) {
			c.readBootLog(t.Context(), in)
		}
	}
	add("0x1f 1 0x6f 1 0xff 0xff") // an earlier boot, from its disk
	read(0)
	add("0x0f 2 0x6f 0xc2 1 0xff") // firmware progress: memory initialization
	add("0x1e 3 0x6f 0 0xff 0xff") // boot error: no bootable media
	read(time.Minute)
	events, err := c.Journal.Events(t.Context(), "web1", 10)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, e := range events {
		if e.Kind == provision.KindBMCProgress {
			t.Log(e.Message)
			got += e.Fields["progress"] + " "
		}
	}
	if got != "firmware boot-failed " {
		t.Errorf("recorded: %q", got)
	}
}
