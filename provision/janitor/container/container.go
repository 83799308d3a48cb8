// Package container boots an unpacked system with its own systemd for tests, in a
// systemd-nspawn container that ends even if the test is killed.
package container

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// maxBoot is how long a system may take to boot, in tenths of a second.
const maxBoot = 600

// Boot boots the system in the folder root and waits until its units are started. options
// are further options of systemd-nspawn(1). It returns the words that, before a command,
// run it inside. The container has no CAP_SYS_TIME, and neither have these commands: nothing
// in it can set the machine's clock.
func Boot(t testing.TB, root string, options ...string) (inside []string) {
	t.Helper()
	// systemd-nspawn that is killed leaves its container running. So it gets a PID namespace,
	// which ends with unshare(1), which ends with this program.
	args := append([]string{
		"--pid", "--fork", "--kill-child=KILL", "--mount-proc",
		"systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--drop-capability=CAP_SYS_TIME",
		"--console=pipe", "--machine=rackhand-test-" + strconv.Itoa(os.Getpid()), "--directory=" + root,
	}, options...)
	program := exec.Command("unshare", args...)
	var console bytes.Buffer
	program.Stdout, program.Stderr = &console, &console
	program.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := program.Start(); err != nil {
		t.Fatalf("unshare: %v (the package util-linux is needed)", err)
	}
	ended := make(chan struct{})
	var result error
	go func() {
		result = program.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		program.Process.Kill()
		<-ended
	})
	for range maxBoot {
		select {
		case <-ended:
			t.Fatalf("the container ended: %v (the package systemd-container is needed)\n%s", result, &console)
		case <-time.After(100 * time.Millisecond):
		}
		init := child(child(strconv.Itoa(program.Process.Pid))) // of systemd-nspawn
		if init == "" {
			continue
		}
		inside = []string{"nsenter", "--target", init, "--all", "setpriv", "--bounding-set=-sys_time"}
		out, _ := exec.Command(inside[0], append(inside[1:], "systemctl", "is-system-running")...).Output()
		if state := strings.TrimSpace(string(out)); state == "running" || state == "degraded" {
			return inside
		}
	}
	t.Fatalf("%s does not boot:\n%s", root, &console)
	return nil
}

// child is the first child of a process; "" for none.
func child(pid string) string {
	if pid == "" {
		return ""
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%s/task/%[1]s/children", pid))
	first, _, _ := strings.Cut(strings.TrimSpace(string(children)), " ")
	return first
}
