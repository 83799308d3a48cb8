package installer

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestForwardSignals: busybox's signals to process 1 arrive at the installer as those that a
// rescue understands.
func TestForwardSignals(t *testing.T) {
	for name, c := range map[string]struct {
		said syscall.Signal
		want string
	}{"reboot": {syscall.SIGTERM, "USR1"}, "halt": {syscall.SIGUSR1, "USR2"}, "poweroff": {syscall.SIGUSR2, "USR2"}} {
		cmd := exec.Command("sh", "-c", `trap 'echo USR1; exit' USR1; trap 'echo USR2; exit' USR2; echo ready; while :; do sleep 0.1; done`)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		forwardSignals()(cmd.Process.Pid)
		if err := syscall.Kill(os.Getpid(), c.said); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(out)
		if err != nil || strings.TrimSpace(string(got)) != c.want {
			t.Errorf("%s: the installer is told %q %v, want %s", name, got, err, c.want)
		}
		_ = cmd.Wait()
	}
}
