package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"rackhand/provision/installer/bmcsetup"
	"rackhand/provision/installer/report"
	"rackhand/templates/kickstart/engine"
)

// A machine is the target of steps.
type machine struct {
	report.Log
	target  string // where the system is mounted: /mnt/sysimage, as with Anaconda
	client  *http.Client
	clk     report.Clock
	onError []engine.Script
	touched []string   // devices that were written to and must not boot after a failure
	mounts  []string   // in the order they were made
	stops   [][]string // commands that take arrays and volume groups apart, in the order those were made
	load    func(module string)
	timings []timing
	scripts int
	log     *remoteLog // nil for none
	bmc     *bmcsetup.Settings
}

type timing struct {
	what string
	took time.Duration
}

// timed runs f and keeps how long it took.
func (m *machine) timed(what string, f func() error) error {
	start := m.clk.Now()
	err := f()
	m.timings = append(m.timings, timing{what, m.clk.Now().Sub(start)})
	return err
}

// How long programs may take before they are killed.
const (
	programLimit = 10 * time.Minute
	scriptLimit  = 30 * time.Minute
)

// run runs a program; its output goes to the console, and its last lines into
// the error. root is "" or the folder to chroot to.
func (m *machine) run(ctx context.Context, root string, limit time.Duration, log io.Writer, input string, argv ...string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=linux",
		"LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "ANA_INSTALL_PATH=" + m.target,
		// there is no udev: LVM and mdadm make their devices' names themselves
		"DM_DISABLE_UDEV=1", "MDADM_NO_UDEV=1", "LVM_SUPPRESS_FD_WARNINGS=1",
	}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second // a daemon that keeps the output open
	var tail []string
	out := &report.LineWriter{Line: func(s string) {
		m.Con.Printf("  %s", s)
		if tail = append(tail, s); len(tail) > 4 {
			tail = tail[1:]
		}
	}}
	var w io.Writer = out
	if log != nil {
		w = io.MultiWriter(out, log)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err := cmd.Run()
	out.End()
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() == context.DeadlineExceeded:
		return fmt.Errorf("%s: killed, it took longer than %v", filepath.Base(argv[0]), limit)
	case len(tail) > 0:
		return fmt.Errorf("%s: %w: %s", filepath.Base(argv[0]), err, strings.Join(tail, " / "))
	}
	return fmt.Errorf("%s: %w", filepath.Base(argv[0]), err)
}

// tool runs a program of the installer's own initramfs.
func (m *machine) tool(ctx context.Context, argv ...string) error {
	path, err := findProgram("/", argv[0])
	if err != nil {
		return fmt.Errorf("the installer's initramfs lacks a program: %w", err)
	}
	return m.run(ctx, "", programLimit, nil, "", append([]string{path}, argv[1:]...)...)
}

// inTarget runs a program of the installed system in it.
func (m *machine) inTarget(ctx context.Context, input string, argv ...string) error {
	path, err := findProgram(m.target, argv[0])
	if err != nil {
		return fmt.Errorf("the image lacks a program: %w", err)
	}
	return m.run(ctx, m.target, programLimit, nil, input, append([]string{path}, argv[1:]...)...)
}

// findProgram is a program's path below root.
func findProgram(root, name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		// Lstat: a link in the target must not be followed out of it
		if st, err := os.Lstat(filepath.Join(root, dir, name)); err == nil && !st.IsDir() {
			return dir + "/" + name, nil
		}
	}
	return "", fmt.Errorf("%s is not in /usr/sbin, /usr/bin, /sbin or /bin", name)
}
