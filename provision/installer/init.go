package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/report"
)

// How the installer ends, as its exit status to Supervise.
const (
	exitReboot   = 10
	exitPowerOff = 11
	exitHalt     = 12
)

// Supervise is /init. It mounts the kernel's file systems, runs the installer as a child, and
// reboots or powers off when that has ended. The installer is a separate process so that even
// its crash is reported, and so that orphans are not its children. It does not return.
func Supervise() {
	prepErr := mountKernelFS()
	con := report.NewConsole(time.Now, report.NewRedactor().Clean)
	if prepErr != nil {
		con.OpenAll()
		con.Printf("rackhand-installer: %v", prepErr)
	}
	code, text, err := runChild()
	switch code {
	case exitReboot:
		end(unix.LINUX_REBOOT_CMD_RESTART)
	case exitPowerOff:
		end(unix.LINUX_REBOOT_CMD_POWER_OFF)
	case exitHalt:
		end(unix.LINUX_REBOOT_CMD_HALT)
	}
	crashed(con, fmt.Sprintf("the installer crashed: %v: %s", err, text))
}

// crashed reports a crash and powers off.
func crashed(con *report.Console, message string) {
	con.OpenAll()
	con.Printf("%s", message)
	cmdline := ParseCmdline(kernel.ReadText("/proc/cmdline"))
	rep := report.NewReporter(cmdline.Report, &http.Client{}, report.RealClock{}, report.NewRedactor().Clean, con.Printf)
	rep.Start(context.Background())
	_ = rep.Last(context.Background(), report.Event{Stage: "failed", Kind: "crashed", Level: "error", Message: message}, time.Minute)
	time.Sleep(cmdline.Hold)
	con.Flush(2 * time.Second)
	end(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// runChild runs the installer and reaps other processes that end in the meantime. It returns
// the exit status, -1 for none, and the beginning of the installer's standard error, which is
// the text of a panic. Everything else goes to the consoles directly.
func runChild() (code int, text string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return -1, "", err
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return -1, "", err
	}
	child := forwardSignals()
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"rackhand-installer", "install"}, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), w.Fd()},
	})
	_ = w.Close()
	if err != nil {
		return -1, "", fmt.Errorf("start the installer: %w", err)
	}
	child(pid)
	tail := &tailWriter{}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(tail, r)
	}()
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return -1, "", err
		case got != pid:
			continue
		}
		select {
		case <-copied:
		case <-time.After(time.Second): // somebody else holds its end open
		}
		if status.Exited() {
			return status.ExitStatus(), tail.first(), fmt.Errorf("exit status %d", status.ExitStatus())
		}
		return -1, tail.first(), fmt.Errorf("signal %v", status.Signal())
	}
}

// end stops everything and reboots, powers off or halts. The disks are unmounted by now, so it
// doesn't wait forever for a disk or a driver that hangs.
func end(how int) {
	_ = syscall.Kill(-1, syscall.SIGKILL)
	within(20*time.Second, unix.Sync)
	linksDown("/sys")
	within(20*time.Second, func() { _ = unix.Reboot(how) })
	// The kernel's orderly way asks every driver; sysrq's doesn't.
	letter := map[int]string{unix.LINUX_REBOOT_CMD_RESTART: "b", unix.LINUX_REBOOT_CMD_POWER_OFF: "o"}[how]
	_ = os.WriteFile("/proc/sysrq-trigger", []byte(letter), 0o200)
	select {} // pid 1 must not return
}

// linksDown takes the cards of a virtual machine down before the kernel shuts its
// devices down. Linux between "virtio: break and reset virtio devices on
// device_shutdown()" and "virtio_ring: fix infinite loop in virtnet_poll_cleantx when
// device is broken" (August 2026) may otherwise spin forever while packets are in flight,
// about once in 200 reboots; a box with one processor then never reboots. Other cards stay
// up, because a BMC may share them.
func linksDown(sys string) {
	for _, name := range hardware.VirtioLinks(sys) {
		within(5*time.Second, func() { _ = hardware.LinkDown(name) })
	}
}

// within runs f, and waits for it no longer than d.
func within(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// tailWriter keeps the first part of a crashing program's output.
type tailWriter struct{ text []byte }

func (t *tailWriter) Write(p []byte) (int, error) {
	if room := 4096 - len(t.text); room > 0 {
		t.text = append(t.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (t *tailWriter) first() string {
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	return strings.Join(lines[:min(len(lines), 8)], " / ")
}

func mountKernelFS() error {
	var errs []error
	for _, m := range []struct {
		from, on, kind string
		mode           os.FileMode
	}{
		{"proc", "/proc", "proc", 0o555},
		{"sysfs", "/sys", "sysfs", 0o555},
		{"devtmpfs", "/dev", "devtmpfs", 0o755},
		{"tmpfs", "/run", "tmpfs", 0o755},
		{"tmpfs", "/tmp", "tmpfs", 0o1777},
	} {
		if err := os.MkdirAll(m.on, m.mode); err != nil {
			errs = append(errs, err)
		}
		// EBUSY: the kernel has mounted devtmpfs already
		if err := unix.Mount(m.from, m.on, m.kind, 0, ""); err != nil && err != unix.EBUSY {
			errs = append(errs, fmt.Errorf("mount %s: %w", m.on, err))
		}
	}
	for _, dir := range []string{"/etc", "/root", "/mnt/sysimage"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
