//go:build e2e

package space

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// envHold makes TestKilled the program that is killed: it makes a namespace, runs
// something there, says so, and waits.
const envHold = "RACKHAND_SPACE_E2E_HOLD"

func hold(t *testing.T) {
	name := New(t, "killed")
	// In a session of its own, as a daemon is, and without a pipe to us.
	cmd := exec.Command("ip", "netns", "exec", name, "sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for !runsIn(t, name, cmd.Process.Pid) {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println("holds", name, cmd.Process.Pid)
	_ = cmd.Wait()
}

// runsIn reports whether a process is in a namespace.
func runsIn(t *testing.T, name string, pid int) bool {
	t.Helper()
	out, err := exec.Command("ip", "netns", "pids", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == fmt.Sprint(pid) {
			return true
		}
	}
	return false
}

// TestKilled: a test whose program is killed, by kill -9 or by Ctrl-C, leaves no namespace
// and no process in it.
func TestKilled(t *testing.T) {
	if os.Getenv(envHold) != "" {
		hold(t)
		return
	}
	for name, signal := range map[string]syscall.Signal{"kill -9": syscall.SIGKILL, "Ctrl-C": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestKilled$")
			cmd.Env = append(os.Environ(), envHold+"=yes")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal's foreground
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var space string
			var pid int
			line, err := bufio.NewReader(out).ReadString('\n')
			if _, scanErr := fmt.Sscanf(line, "holds %s %d", &space, &pid); scanErr != nil {
				t.Fatalf("it said %q (%v)", line, err)
			}
			to := cmd.Process.Pid
			if signal == syscall.SIGINT {
				to = -to // a terminal signals the whole group
			}
			if err := syscall.Kill(to, signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			left := []string{filepath.Join("/run/netns", space), fmt.Sprintf("/proc/%d/exe", pid)}
			for range 600 {
				if left = stays(left); len(left) == 0 {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
			t.Errorf("a minute later there still is %s", left)
		})
	}
}

// stays returns those of the paths that exist.
func stays(paths []string) []string {
	var there []string
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil { // a zombie has no exe
			there = append(there, p)
		}
	}
	return there
}
