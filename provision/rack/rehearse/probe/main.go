//go:build linux

// Probe is /init of an initramfs that stands in for an installer in the tests of
// boxes for which there is no root image: it says that it runs and how it was
// started, and switches the box off.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "this is /init of a test's initramfs: it would switch this machine off")
		os.Exit(1)
	}
	fmt.Printf("rackhand %s init\n", runtime.GOARCH)
	line, err := commandLine()
	if err != nil {
		fmt.Println("no command line:", err)
	}
	fmt.Printf("command line: %s", line)
	fmt.Println("rackhand init ends:", syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF))
}

func commandLine() ([]byte, error) {
	if err := os.MkdirAll("/proc", 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return nil, err
	}
	return os.ReadFile("/proc/cmdline")
}
