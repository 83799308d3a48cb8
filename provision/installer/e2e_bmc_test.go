//go:build e2e

package installer_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"rackhand/provision/bmc/bmctest"
)

// The account that an installer is to make on the BMC. ipmi_sim keeps 16 bytes of a password.
const (
	bmcUser     = "rackhand"
	bmcPassword = "secret-of-the-b."
	bmcArgs     = "rackhand.bmc=http://10.77.0.1/i/" + token + "/bmc"
)

// serveBMC serves the settings of the guest's BMC.
func (b *guestTest) serveBMC() {
	b.handlers["/i/"+token+"/bmc"] = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"address":"10.77.0.111/24","gateway":"10.77.0.1","user":"`+bmcUser+`","password":"`+bmcPassword+`","privilege":"operator"}`)
	}
}

// kcs are QEMU's arguments for a BMC behind a KCS interface.
func kcs(bmc ...string) []string {
	return append(bmc, "-device", "isa-ipmi-kcs,bmc=bmc0")
}

// simulatedBMC is QEMU's own BMC. It has no LAN, no users and no channels.
func simulatedBMC() []string { return kcs("-device", "ipmi-bmc-sim,id=bmc0") }

// openIPMI is OpenIPMI's BMC beside the guest.
func openIPMI(sim bmctest.SystemInterface) []string {
	return kcs("-chardev", fmt.Sprintf("socket,id=ipmi0,host=%s,port=%d,reconnect=1", sim.System.Addr(), sim.System.Port()),
		"-device", "ipmi-bmc-extern,id=bmc0,chardev=ipmi0")
}

// wantBMC checks that an installer has set up the BMC: with the new account, ipmitool logs in
// over LAN, and reads the address.
func (b *guestTest) wantBMC(sim bmctest.SystemInterface, text string) {
	b.t.Helper()
	if e := b.find("", "bmc-setup"); e == nil || !strings.Contains(e.Message, "the address 10.77.0.111 (it was 192.168.0.120)") || !strings.Contains(e.Message, "the password of rackhand; operator privilege") {
		b.t.Errorf("the event of the BMC is missing or lacks a change: %+v\n%s", e, tailOf(text))
	}
	if e := b.find("", "bmc-setup-failed"); e != nil {
		b.t.Errorf("the BMC: %s", e.Message)
	}
	if strings.Contains(text, bmcPassword) {
		b.t.Error("the BMC's password is on the console")
	}
	for want, args := range map[string][]string{"Chassis Power is": {"chassis", "power", "status"}, ": 10.77.0.111": {"lan", "print", "1"}} {
		cmd := exec.Command("ipmitool", append([]string{
			"-I", "lanplus", "-C", "3", "-L", "OPERATOR", "-H", sim.LAN.Addr().String(), "-p", fmt.Sprint(sim.LAN.Port()), "-U", bmcUser, "-E",
		}, args...)...)
		cmd.Env = append(os.Environ(), "IPMI_PASSWORD="+bmcPassword)
		if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			b.t.Errorf("ipmitool %v with the new account: %v\n%s", args, err, out)
		}
	}
}
