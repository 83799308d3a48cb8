package rack

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A guest is one run of QEMU: from a power-on or reset to the next.
type guest struct {
	cmd     *exec.Cmd
	qmp     *qmp
	logPath string
	done    chan struct{} // closed once it has ended and cause is set
	// cause is QEMU's reason for its end: causeGuestReset, causeGuestShutdown, or
	// "" when it was killed or crashed.
	cause string
	err   error
}

// startPatience bounds the time in which QEMU builds its machine; it needs a
// few tenths of a second.
const startPatience = 30 * time.Second

// startGuest runs QEMU in a namespace. The guest isn't bound to any context: a
// box stays on until its chassis turns it off.
func startGuest(ns, program string, args []string, logPath string, log *slog.Logger) (*guest, error) {
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("rack: QEMU's log: %w", err)
	}
	defer func() { _ = logFile.Close() }()
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns, program}, args...)...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.ExtraFiles = []*os.File{theirs} // file descriptor 3
	// A session of its own, as for the janitor: Ctrl-C is for the program that
	// built the rack, which then switches the box off in good order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("rack: start %s: %w", program, err)
	}
	q, err := startQMP(ours, func(desc string) { log.Warn("QEMU refused a command", "reason", desc) })
	if err != nil {
		_ = ours.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("%w; see %s", err, logPath)
	}
	g := &guest{cmd: cmd, qmp: q, done: make(chan struct{}), logPath: logPath}
	go g.wait()
	return g, nil
}

// up waits until QEMU has built the machine, and says why if it didn't.
func (g *guest) up() error {
	select {
	case <-g.qmp.ready:
		return nil
	case <-g.done:
		said, _ := os.ReadFile(g.logPath)
		return fmt.Errorf("rack: QEMU ended at once (%v): %s; see %s", g.err, lastLine(said), g.logPath)
	case <-time.After(startPatience):
		return fmt.Errorf("rack: QEMU didn't come up within %s; see %s", startPatience, g.logPath)
	}
}

func (g *guest) wait() {
	defer close(g.done)
	g.err = g.cmd.Wait()
	cause, err := g.qmp.shutdownReason()
	if err != nil && g.err == nil {
		g.err = err
	}
	g.cause = cause
	_ = g.qmp.conn.Close()
}

// kill ends the guest as pulling the plug does, and waits for it.
func (g *guest) kill() {
	_ = g.cmd.Process.Kill()
	<-g.done
}

// socketPair makes the two ends of a unix socket: no path, so no length limit
// and nothing to remove.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("rack: socket pair for QMP: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "qmp")
	mine := os.NewFile(uintptr(fds[0]), "qmp")
	defer func() { _ = mine.Close() }()
	conn, err := net.FileConn(mine)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("rack: socket pair for QMP: %w", err)
	}
	return conn, theirs, nil
}
