//go:build e2e

package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/inventory"
	"rackhand/provision/janitor/space"
)

// The test binary looks itself: it runs again inside a namespace with these in its
// environment.
const (
	envLink = "RACKHAND_DOCTOR_E2E_LINK"
	envMode = "RACKHAND_DOCTOR_E2E_MODE"
	envLock = "RACKHAND_DOCTOR_E2E_LOCKS"
	// envHold has it hold port 67 as others do, with SO_REUSEPORT, until stdin ends.
	envHold = "RACKHAND_DOCTOR_E2E_HOLD"
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(envHold) != "":
		err = holdMain()
	case os.Getenv(envLink) != "":
		err = lookMain()
	default:
		// A look waits for answers and computes little: more of these tests run side by
		// side than there are cores, unless -parallel says otherwise.
		if err = flag.Set("test.parallel", "8"); err == nil {
			os.Exit(m.Run())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func lookMain() error {
	snap := &inventory.Snapshot{Networks: map[string]*inventory.Network{
		"rack1": {Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24"), DHCP: inventory.DHCPMode(os.Getenv(envMode))},
	}}
	machine := ThisMachine()
	machine.LockDir = os.Getenv(envLock)
	r := LookAll(context.Background(), []Target{{Link: os.Getenv(envLink)}}, Options{Snapshot: snap, Ports: Ports(69, 80, 8443), Random: rand.Reader, Machine: machine})
	return json.NewEncoder(os.Stdout).Encode(r[0])
}

func holdMain() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	for _, option := range []int{unix.SO_REUSEPORT, unix.SO_REUSEADDR} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
			return err
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: serverPort}); err != nil {
		return err
	}
	fmt.Println("holds")
	_, err = os.Stdin.Read(make([]byte, 1))
	_ = err // the end of stdin
	return unix.Close(fd)
}

// sh runs a command; a failure ends the test.
func sh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s(these tests need root, iproute2 and dnsmasq-base)", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// cable makes two namespaces with a cable between them: dr with our address, nb for
// the neighbour.
func cable(t *testing.T) (doctor, neighbour string) {
	t.Helper()
	doctor, neighbour = space.New(t, "doctor-d"), space.New(t, "doctor-n")
	sh(t, "ip", "-n", doctor, "link", "add", "dr", "type", "veth", "peer", "name", "nb", "netns", neighbour)
	sh(t, "ip", "-n", doctor, "addr", "add", "10.77.0.1/24", "dev", "dr")
	sh(t, "ip", "-n", neighbour, "addr", "add", "10.77.0.2/24", "dev", "nb")
	sh(t, "ip", "-n", doctor, "link", "set", "dr", "up")
	sh(t, "ip", "-n", neighbour, "link", "set", "nb", "up")
	return doctor, neighbour
}

// pings has dnsmasq look for three seconds whether an address is taken before it offers
// it, as it does unless told otherwise: a busy machine leaves little of a look's time then.
const pings = "pings"

// dnsmasq runs it in a namespace until the test's end, and waits for its port.
func dnsmasq(t *testing.T, ns string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("dnsmasq")
	if err != nil {
		t.Fatalf("%v: install dnsmasq-base", err)
	}
	args = append([]string{"netns", "exec", ns, path, "--no-daemon", "--port=0", "--conf-file=/dev/null"}, args...)
	if !slices.Contains(args, pings) {
		args = append(args, "--no-ping")
	}
	args = slices.DeleteFunc(args, func(a string) bool { return a == pings })
	if !strings.Contains(strings.Join(args, " "), "--dhcp-leasefile") {
		args = append(args, "--dhcp-leasefile=/dev/null")
	}
	start(t, exec.Command("ip", args...))
	for range 1200 { // a minute: a busy machine takes what it takes
		if strings.Contains(sh(t, "ip", "netns", "exec", ns, "ss", "-uln"), ":67") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("dnsmasq did not open its port")
}

func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", strings.Join(cmd.Args, " "), out.String())
		}
	})
}

// look looks at the link dr from within its namespace.
func look(t *testing.T, ns string, mode inventory.DHCPMode, locks string) Report {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, self)
	cmd.Env = append(os.Environ(), envLink+"=dr", envMode+"="+string(mode), envLock+"="+locks)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var r Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func finds(t *testing.T, r Report, level Level, text string) {
	t.Helper()
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == level && strings.Contains(f.Text, text) }) {
		t.Errorf("no %s that says %q in %+v", level, text, r.Findings)
	}
}

// TestNeighbours looks at a link with each kind of neighbour on it.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	pxe := []string{"--pxe-service=X86-64_EFI,boot,snponly.efi", "--pxe-service=x86PC,boot,undionly.kpxe"}
	for name, tc := range map[string]struct {
		dnsmasq []string // empty: no server
		kinds   []Kind
		fits    inventory.DHCPMode
		level   Level
		text    string
	}{
		"nobody":      {nil, nil, inventory.DHCPAuthoritative, OK, "no other DHCP server answers"},
		"a server":    {[]string{"--dhcp-range=10.77.0.50,10.77.0.60", pings}, []Kind{Server}, inventory.DHCPProxy, Problem, "another DHCP server answers: 10.77.0.2"},
		"it boots":    {[]string{"--dhcp-range=10.77.0.50,10.77.0.60", "--dhcp-boot=pxelinux.0"}, []Kind{BootServer}, inventory.DHCPOff, Problem, `boot file "pxelinux.0"`},
		"only BIOS":   {[]string{"--dhcp-range=10.77.0.0,proxy", pxe[1]}, []Kind{PXE}, inventory.DHCPAuthoritative, Warning, "another PXE answerer: 10.77.0.2"},
		"a proxy":     {append([]string{"--dhcp-range=10.77.0.0,proxy"}, pxe...), []Kind{PXE}, inventory.DHCPAuthoritative, Warning, "another PXE answerer: 10.77.0.2"},
		"PXE service": {append([]string{"--dhcp-range=10.77.0.50,10.77.0.60"}, pxe...), []Kind{BootServer}, inventory.DHCPOff, Problem, "option 60 PXEClient"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns, neighbour := cable(t)
			if tc.dnsmasq != nil {
				dnsmasq(t, neighbour, tc.dnsmasq...)
			}
			r := look(t, ns, inventory.DHCPAuthoritative, t.TempDir())
			var kinds []Kind
			for _, a := range r.Answers {
				kinds = append(kinds, a.Kind)
				if a.Server != netip.MustParseAddr("10.77.0.2") || a.Ours || a.MAC == "" {
					t.Errorf("who answered: %+v", a)
				}
			}
			if !slices.Equal(kinds, tc.kinds) || r.Fits != tc.fits {
				t.Errorf("%v answered, %s fits; want %v, %s", kinds, r.Fits, tc.kinds, tc.fits)
			}
			finds(t, r, tc.level, tc.text)
			finds(t, r, OK, "port 67/udp (DHCP) is free")
			finds(t, r, OK, "dr is up, with carrier and the address 10.77.0.1 of network rack1")
		})
	}
}

// TestNothingTaken: a look leaves no lease behind.
func TestNothingTaken(t *testing.T) {
	t.Parallel()
	ns, neighbour := cable(t)
	leases := filepath.Join(t.TempDir(), "leases")
	dnsmasq(t, neighbour, "--dhcp-range=10.77.0.50,10.77.0.60", "--dhcp-leasefile="+leases)
	if r := look(t, ns, inventory.DHCPAuthoritative, t.TempDir()); len(r.Answers) != 1 {
		t.Errorf("answers: %+v", r.Answers)
	}
	if b, err := os.ReadFile(leases); err != nil || len(b) > 0 {
		t.Errorf("dnsmasq gave a lease: %q, %v", b, err)
	}
}

// TestNoCarrier: a link whose other end is off.
func TestNoCarrier(t *testing.T) {
	t.Parallel()
	ns, neighbour := cable(t)
	sh(t, "ip", "-n", neighbour, "link", "set", "nb", "down")
	r := look(t, ns, inventory.DHCPAuthoritative, t.TempDir())
	finds(t, r, Problem, "dr has no carrier")
	if r.Fits != "" {
		t.Errorf("%s fits: nobody could be asked", r.Fits)
	}
}

// TestPortTaken: a socket with SO_REUSEPORT, which would let us share the port, is found
// and named.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	ns, _ := cable(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, self)
	cmd.Env = append(os.Environ(), envHold+"=yes")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r := look(t, ns, inventory.DHCPAuthoritative, t.TempDir())
	finds(t, r, Problem, fmt.Sprintf("port 67/udp (DHCP) is taken by %.15s (process %d)", filepath.Base(self), cmd.Process.Pid)) // /proc/PID/comm has 15 bytes
}

// TestLockIsTheNamespaces: two links of one name in two namespaces are two links.
func TestLockIsTheNamespaces(t *testing.T) {
	t.Parallel()
	ns, _ := cable(t)
	locks := t.TempDir()
	release, err := Lock(t.Context(), locks, "dr") // in this namespace
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, f := range look(t, ns, inventory.DHCPAuthoritative, locks).Findings {
		if strings.Contains(f.Text, "an appliance serves") {
			t.Errorf("it takes another namespace's link for its own: %s", f.Text)
		}
	}
}
