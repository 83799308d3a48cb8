//go:build e2e

package container

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

// envRoot makes TestKilled the program that is killed: it boots this folder and waits.
const envRoot = "RACKHAND_TEST_CONTAINER"

// TestKilled: nothing of a container stays after its test was killed.
func TestKilled(t *testing.T) {
	if root := os.Getenv(envRoot); root != "" {
		fmt.Println("booted", Boot(t, root, "--private-network")[2]) // nsenter --target PID
		time.Sleep(time.Minute)
		return
	}
	image := filepath.Join(os.Getenv("RACKHAND_IMAGES"), "debian12", "root.tar.zst")
	root := t.TempDir()
	if out, err := exec.Command("sh", "-ec", `zstd -dc "$0" | tar -x -C "$1" --numeric-owner`, image, root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s(`make image` builds the image, and RACKHAND_IMAGES names its folder)", err, out)
	}
	test := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
	test.Env = append(os.Environ(), envRoot+"="+root)
	test.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := test.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := test.Start(); err != nil {
		t.Fatal(err)
	}
	init := ""
	lines := bufio.NewScanner(out)
	for init == "" && lines.Scan() {
		_, init, _ = strings.Cut(lines.Text(), "booted ")
	}
	test.Process.Kill()
	test.Wait()
	if init == "" {
		t.Fatal("it did not boot")
	}
	for range 300 {
		if cmdline, _ := os.ReadFile("/proc/" + init + "/cmdline"); len(cmdline) == 0 {
			return // gone, or a zombie
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the container's systemd, process %s, still runs", init)
}
