//go:build e2e

package rehearse_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demo is the command with emulated boxes: KVM in a machine that is itself a guest may
// start a box and then hang it. It ends with a test that is killed, and clears away.
func demo(t *testing.T, images, logs string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), need(t, "RACKHAND_BIN"), "demo", "--accelerator", "tcg", "--firmware", "bios",
		"--images", images, "--logs", logs, "--page", "127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return cmd
}

// TestDemoLeavesNothing ends a demo in the middle: by Ctrl-C, and by a kill that
// it cannot answer. Namespaces, guests and files go either way.
func TestDemoLeavesNothing(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"Ctrl-C": syscall.SIGINT, "kill -9": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			logs := t.TempDir()
			cmd := demo(t, small(t), logs)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var rack string
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				if _, socket, ok := strings.Cut(lines.Text(), "--socket "); ok {
					rack = filepath.Dir(socket)
				}
				if strings.Contains(lines.Text(), "the installer has its Kickstart") {
					break
				}
			}
			if rack == "" {
				t.Fatalf("the demo did not come up: %s", stderr.String())
			}
			tag := rack[strings.LastIndex(rack, "-")+1:]
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() { // to its end, so that it is not held up by a full pipe
			}
			err = cmd.Wait()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
				t.Errorf("a demo that was interrupted ended with %v", err)
			}
			if sig == syscall.SIGINT && !strings.Contains(stderr.String(), logs) {
				t.Errorf("it does not say where the logs lie: %s", stderr.String())
			}
			left := func() error {
				if _, err := os.Stat(rack); err == nil {
					return errors.New("the rack's folder is still there: " + rack)
				}
				spaces, err := exec.Command("ip", "netns", "list").Output()
				if err != nil {
					return err
				}
				if strings.Contains(string(spaces), tag) {
					return errors.New("namespaces are still there: " + string(spaces))
				}
				if pids := namesakes(t, rack); len(pids) > 0 {
					return errors.New("processes are still there: " + strings.Join(pids, " "))
				}
				return nil
			}
			deadline := time.Now().Add(time.Minute)
			for err = left(); err != nil && time.Now().Before(deadline); err = left() {
				time.Sleep(200 * time.Millisecond)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// namesakes are the processes that have the rack's folder in their command line.
func namesakes(t *testing.T, rack string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for _, f := range all {
		b, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(b), rack) {
			pids = append(pids, filepath.Base(filepath.Dir(f)))
		}
	}
	return pids
}

// TestDemo shows a newcomer's first steps: one command, to a box that serves.
func TestDemo(t *testing.T) {
	logs := filepath.Join(t.TempDir(), "logs")
	cmd := demo(t, need(t, "RACKHAND_IMAGES"), logs)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("it ended with %v:\n%s", err, out)
	}
	for _, want := range []string{"The status page: http://127.0.0.1:", "since power-on", "from power-on to serving in", "asked from outside: 200 OK"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat(logs); err == nil {
		t.Error("a demo that went well left its logs")
	}
}

// TestDemoFails says which stage, why, and where the logs lie.
func TestDemoFails(t *testing.T) {
	logs := t.TempDir()
	cmd := demo(t, spoiledImage(t, small(t)), logs)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	for _, want := range []string{"web1: failed:", "SHA-256", "The logs: " + logs} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}
