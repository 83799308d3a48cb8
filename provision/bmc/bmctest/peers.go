package bmctest

import (
	"embed"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

//go:embed peer
var peerFiles embed.FS

// IPMISim is OpenIPMI's ipmi_sim (Debian's openipmi) on loopback, with the made-up box behind
// it. Besides the administrator it has an operator, "oper", and the account without a name.
func IPMISim(t testing.TB) bmc.Target {
	t.Helper()
	dir := t.TempDir()
	target := bmc.Target{Address: freePort(t), User: User, Password: Password[:16]}
	emulated := ""
	records := Records()
	for _, id := range slices.Sorted(maps.Keys(records)) {
		emulated += fmt.Sprintf("main_sdr_add 0x20 %s\n", hexes(records[id]))
	}
	for id, data := range Inventories() {
		emulated += fmt.Sprintf("mc_add_fru_data 0x20 %d %d data %s\n", id, len(data), hexes(data))
	}
	for name, mode := range map[string]os.FileMode{"ipmi_sim.conf": 0o600, "ipmi_sim.emu": 0o600, "chassis": 0o700} {
		text, err := peerFiles.ReadFile("peer/" + name)
		if err != nil {
			t.Fatal(err)
		}
		filled := strings.NewReplacer("ADDRESS", target.Address.Addr().String(), "PORT", fmt.Sprint(target.Address.Port()),
			"FOLDER", dir, "PASSWORD", target.Password, "BOX\n", emulated).Replace(string(text))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(filled), mode); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("ipmi_sim", "-c", filepath.Join(dir, "ipmi_sim.conf"), "-f", filepath.Join(dir, "ipmi_sim.emu"), "-s", filepath.Join(dir, "state"), "-n")
	// It ends when it can't read any more.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	start(t, cmd, target, "openipmi")
	return target
}

// Pyghmi is the BMC of python3-pyghmi on loopback, which VirtualBMC is made of.
func Pyghmi(t testing.TB) bmc.Target {
	t.Helper()
	target := bmc.Target{Address: freePort(t), User: User, Password: Password}
	text, err := peerFiles.ReadFile("peer/fakebmc.py")
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "fakebmc.py")
	if err := os.WriteFile(script, text, 0o600); err != nil {
		t.Fatal(err)
	}
	// The password is the tests' own.
	start(t, exec.Command("/usr/bin/python3", script, target.Address.Addr().String(),
		fmt.Sprint(target.Address.Port()), target.User, target.Password), target, "python3-pyghmi")
	return target
}

// start runs a BMC until the test ends, and waits until ipmitool gets an answer.
func start(t testing.TB, cmd *exec.Cmd, target bmc.Target, pkg string) {
	t.Helper()
	var out Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install Debian's package %s", err, pkg)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%s", pkg, out.Bytes())
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		said, err := IPMITool(target, "chassis", "power", "status")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: ipmitool gets no answer: %v\n%s", pkg, err, said)
		}
	}
}

// IPMITool asks a BMC by ipmitool, with cipher suite 3.
func IPMITool(t bmc.Target, args ...string) (string, error) {
	cmd := exec.Command("ipmitool", append([]string{
		"-I", "lanplus", "-C", "3", "-N", "1", "-R", "4", "-H", t.Address.Addr().String(),
		"-p", fmt.Sprint(t.Address.Port()), "-U", t.User, "-E",
	}, args...)...)
	cmd.Env = append(os.Environ(), "IPMI_PASSWORD="+t.Password)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// FreeIPMI asks a BMC by a program of FreeIPMI's (Debian's freeipmi-tools), with cipher suite
// 3. It reads user and password from a file, and has no cache of sensor data records: the
// programs that want one take --sdr-cache-directory.
func FreeIPMI(tb testing.TB, t bmc.Target, program string, args ...string) (string, error) {
	tb.Helper()
	dir := tb.TempDir()
	config := filepath.Join(dir, "freeipmi.conf")
	text := fmt.Sprintf("driver-type LAN_2_0\ncipher-suite-id 3\nprivilege-level ADMIN\nworkaround-flags opensesspriv\nusername %s\npassword %s\n", t.User, t.Password)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{"--config-file", config, "-h", t.Address.String()}, args...)...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func hexes(data []byte) string { return fmt.Sprintf("% #x", data) }

func freePort(t testing.TB) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	a := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
