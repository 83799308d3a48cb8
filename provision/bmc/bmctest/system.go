package bmctest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A SystemInterface is OpenIPMI's ipmi_sim with the interface that a box has to its BMC.
type SystemInterface struct {
	LAN    netip.AddrPort // UDP: IPMI over LAN, cipher suite 3
	System netip.AddrPort // TCP: for QEMU's ipmi-bmc-extern, in the VM protocol
}

const systemConf = `name "bmc1"
set_working_mc 0x20
  startlan 1
    addr %s %d
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
%s  endlan
  serial 15 %s %d codec VM
  user 1 false ""      "anonymous" admin 10 none md2 md5 straight
  user 2 true  "ADMIN" "factory"   admin 10 none md2 md5 straight
`

const systemEmu = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`

// lanControl is what ipmi_sim runs for the address of its port: lan get|set NAME [VALUE]...
const lanControl = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
shift
op=$1
shift
while [ -n "$1" ]; do
    case "$op" in
    set) echo "$2" >"lan.$1" && shift 2 ;;
    *) [ -f "lan.$1" ] && echo "$1:$(cat "lan.$1")"; shift ;;
    esac
done
`

// StartSystemInterface runs ipmi_sim on loopback until the test ends. It has one account,
// ADMIN in slot 2, and its port has 192.168.0.120 by DHCP.
func StartSystemInterface(t *testing.T) SystemInterface {
	t.Helper()
	dir := t.TempDir()
	sim := SystemInterface{LAN: freeLoopback(t, "udp4"), System: freeLoopback(t, "tcp4")}
	files := map[string]string{
		"conf": fmt.Sprintf(systemConf, sim.LAN.Addr(), sim.LAN.Port(),
			fmt.Sprintf("    lan_config_program \"%s/lancontrol lan\"\n", dir), sim.System.Addr(), sim.System.Port()),
		"emu": systemEmu, "lancontrol": lanControl,
		"lan.ip_addr": "192.168.0.120", "lan.ip_addr_src": "dhcp", "lan.subnet_mask": "255.255.0.0", "lan.default_gw_ip_addr": "0.0.0.0",
		"lan.mac_addr": "52:54:00:77:01:01",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var out Buffer
	cmd := exec.Command("ipmi_sim", "-c", filepath.Join(dir, "conf"), "-f", filepath.Join(dir, "emu"), "-s", filepath.Join(dir, "state"), "-n")
	stdin, err := cmd.StdinPipe() // it ends when it can't read any more
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install Debian's package openipmi", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("ipmi_sim says:\n%s", out.Bytes())
		}
	})
	// Its LAN is asked, because the system interface takes one connection, the first one.
	for deadline := time.Now().Add(30 * time.Second); !answersPing(sim.LAN); {
		if time.Now().After(deadline) {
			t.Fatalf("ipmi_sim doesn't answer\n%s", out.Bytes())
		}
	}
	return sim
}

// answersPing sends Get Channel Authentication Capabilities (IPMI 2.0 §22.13) and waits a
// moment for an answer.
func answersPing(at netip.AddrPort) bool {
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(100 * time.Millisecond))
	_, _ = c.Write([]byte{6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x20, 0x18, 0xc8, 0x81, 0, 0x38, 0x8e, 4, 0xb5})
	n, err := c.Read(make([]byte, 512))
	if err != nil {
		time.Sleep(50 * time.Millisecond) // nothing listens yet
	}
	return n > 0
}

// freeLoopback is a port of loopback that nothing uses now.
func freeLoopback(t *testing.T, network string) netip.AddrPort {
	t.Helper()
	if network == "udp4" {
		c, err := net.ListenUDP(network, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	l, err := net.ListenTCP(network, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}
