//go:build e2e

package power

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"
)

// peer is a BMC of another project, on loopback.
type peer struct {
	target Target
	reads  string // its answer when "network boot once, EFI" is read back
	disk   string // and of "disk, persistent"
}

// openIPMI is OpenIPMI's ipmi_sim. It refuses suite 17 in two bytes, and when it is
// read, the flags are lost.
func openIPMI(t *testing.T) peer {
	dir := t.TempDir()
	target := Target{Address: freePort(t), User: "admin", Password: password[:16]}
	for name, mode := range map[string]os.FileMode{"ipmi_sim.conf": 0o600, "ipmi_sim.emu": 0o600, "chassis": 0o700} {
		text, err := os.ReadFile(filepath.Join("testdata/bmc", name))
		if err != nil {
			t.Fatal(err)
		}
		filled := strings.NewReplacer("ADDRESS", target.Address.Addr().String(), "PORT", fmt.Sprint(target.Address.Port()),
			"FOLDER", dir, "PASSWORD", target.Password).Replace(string(text))
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
	return peer{target, "pxe (once); pxe (once, EFI) was set; it lost: valid, EFI", "disk (once); disk (persistent, EFI) was set; it lost: valid, persistent, EFI"}
}

// pyghmi is the BMC of python3-pyghmi. To a request for suite 17 it says "no error,
// suite 3".
func pyghmi(t *testing.T) peer {
	target := Target{Address: freePort(t), User: "admin", Password: password}
	start(t, exec.Command("/usr/bin/python3", "testdata/bmc/fakebmc.py", target.Address.Addr().String(),
		fmt.Sprint(target.Address.Port()), target.User, target.Password), target, "python3-pyghmi")
	return peer{target, "pxe (once); pxe (once, EFI) was set; it lost: EFI", "disk (once); disk (persistent, EFI) was set; it lost: persistent, EFI"}
}

// silent is a BMC that says nothing at all to a request for suite 17.
func silent(t *testing.T) peer {
	p := pyghmi(t)
	p.target = between(t, p.target, func(d []byte) [][]byte {
		if isOpen(d, types.AuthAlg_HMAC_SHA256) {
			return nil
		}
		return [][]byte{d}
	}, pass)
	return p
}

// start runs a BMC until the test ends, and waits until ipmitool gets an answer.
func start(t *testing.T, cmd *exec.Cmd, target Target, pkg string) {
	t.Helper()
	var out syncBuffer
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
		said, err := ipmitool(target, "chassis", "power", "status")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: ipmitool gets no answer: %v\n%s", pkg, err, said)
		}
	}
}

// ipmitool is the other client, of cipher suite 3.
func ipmitool(t Target, args ...string) (string, error) {
	cmd := exec.Command("ipmitool", append([]string{
		"-I", "lanplus", "-C", "3", "-N", "1", "-R", "4", "-H", t.Address.Addr().String(),
		"-p", fmt.Sprint(t.Address.Port()), "-U", t.User, "-E",
	}, args...)...)
	cmd.Env = append(os.Environ(), "IPMI_PASSWORD="+t.Password)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func freePort(t *testing.T) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), closedPort(t))
}

// TestForeignBMCs drives BMCs of other projects, which don't support suite 17. ipmitool
// checks the results.
func TestForeignBMCs(t *testing.T) {
	for _, tt := range []struct {
		name string
		bmc  func(*testing.T) peer
	}{{"OpenIPMI", openIPMI}, {"pyghmi", pyghmi}, {"silent to suite 17", silent}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := tt.bmc(t)
			// Short waits would be lost on a busy machine, where a Python BMC is slow.
			c := New(Options{Exchange: time.Second, Retries: 2, Settle: 10 * time.Second, Poll: 50 * time.Millisecond})
			p.target.EFI = true
			agree := func(what string, on bool, seen Status, err error) {
				t.Helper()
				if err != nil || seen.On != on {
					t.Errorf("%s: %+v, %v", what, seen, err)
				}
				want := "Chassis Power is " + Status{On: on}.State()
				if said, err := ipmitool(p.target, "chassis", "power", "status"); err != nil || !strings.HasSuffix(said, want) {
					t.Errorf("%s: ipmitool says %q, %v", what, said, err)
				}
			}
			seen, err := c.Status(t.Context(), p.target)
			agree("status", false, seen, err)
			seen, err = c.On(t.Context(), p.target)
			agree("on", true, seen, err)
			seen, err = c.On(t.Context(), p.target)
			agree("on when on", true, seen, err)
			seen, err = c.Cycle(t.Context(), p.target)
			agree("cycle", true, seen, err)
			seen, err = c.Reset(t.Context(), p.target)
			agree("reset", true, seen, err)
			seen, err = c.Off(t.Context(), p.target)
			agree("off", false, seen, err)
			seen, err = c.Off(t.Context(), p.target)
			agree("off when off", false, seen, err)
			booted, err := c.PXEOnce(t.Context(), p.target)
			agree("network boot", true, booted.Status, err)
			if got := booted.Boot.String(); got != p.reads {
				t.Errorf("network boot: read back as %q, want %q", got, p.reads)
			}
			if said, err := ipmitool(p.target, "chassis", "bootparam", "get", "5"); err != nil || !strings.Contains(said, "Force PXE") {
				t.Errorf("network boot: ipmitool says %q, %v", said, err)
			}
			kept, err := c.SetBoot(t.Context(), p.target, Disk, BootOptions{Persistent: true})
			if err != nil || kept.String() != p.disk {
				t.Errorf("disk: %q, %v, want %q", kept, err, p.disk)
			}
			if kept, err = c.SetBoot(t.Context(), p.target, None, BootOptions{}); err != nil {
				t.Errorf("none: %q, %v", kept, err)
			}
			// Refusals have their names.
			wrong := p.target
			wrong.Password = "not-" + password[:8]
			if _, err := c.Status(t.Context(), wrong); !errors.Is(err, ErrCredentials) {
				t.Errorf("wrong password: %v", err)
			}
			wrong = p.target
			wrong.User = "nobody"
			if _, err := c.Status(t.Context(), wrong); !errors.Is(err, ErrCredentials) && !strings.Contains(fmt.Sprint(err), hintSilentLogin) {
				t.Errorf("unknown user: %v", err)
			}
			if tt.name == "OpenIPMI" {
				nameless := p.target
				nameless.User = ""
				if _, err := c.Status(t.Context(), nameless); err != nil {
					t.Errorf("the account without a name: %v", err)
				}
			}
			if _, err := c.Status(t.Context(), p.target); err != nil {
				t.Errorf("the right account after the wrong ones: %v", err)
			}
		})
	}
}
