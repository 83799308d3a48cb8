package job

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/gliderlabs/ssh"
	"golang.org/x/sys/unix"
)

// shellSession runs a shell or the given command, on a terminal if the client asks for one.
// The program ends with the session.
func shellSession(motd string) ssh.Handler {
	return func(s ssh.Session) {
		ctx, cancel := context.WithCancel(s.Context())
		defer cancel()
		argv := []string{"/bin/sh", "-l"}
		if command := s.RawCommand(); command != "" {
			argv = []string{"/bin/sh", "-c", command}
		}
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir = "/root"
		if _, err := os.Stat(cmd.Dir); err != nil {
			cmd.Dir = "/"
		}
		cmd.Env = []string{"HOME=/root", "USER=root", "PATH=" + rescueBin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
		cmd.WaitDelay = 2 * time.Second
		var err error
		if want, resized, ok := s.Pty(); ok {
			if s.RawCommand() == "" {
				_, _ = io.WriteString(s, strings.ReplaceAll(motd, "\n", "\r\n"))
			}
			err = onTerminal(cmd, s, want, resized)
		} else {
			err = onPipes(cmd, s)
		}
		status := exitStatus(err)
		if status == startFailed {
			_, _ = io.WriteString(s.Stderr(), "rackhand: "+err.Error()+"\r\n")
		}
		_ = s.Exit(status)
	}
}

// onTerminal runs a program as session leader of its own terminal (pty(7)), so that a hang-up
// ends all that it has started.
func onTerminal(cmd *exec.Cmd, s ssh.Session, want ssh.Pty, resized <-chan ssh.Window) error {
	term := want.Term
	if term == "" || strings.ContainsAny(term, "/\x00=") || len(term) > 60 {
		term = "linux"
	}
	cmd.Env = append(cmd.Env, "TERM="+term)
	f, err := pty.StartWithSize(cmd, window(want.Window))
	if err != nil {
		return err
	}
	go func() {
		for w := range resized {
			_ = pty.Setsize(f, window(w))
		}
	}()
	go func() { _, _ = io.Copy(f, s) }()
	ended, copied := make(chan error, 1), make(chan struct{})
	go func() { ended <- cmd.Wait() }()
	go func() {
		defer close(copied)
		_, _ = io.Copy(s, f) // EIO once the other end is closed
	}()
	select {
	case err := <-ended:
		// Programs in the background may hold the terminal open: wait for output only.
		for range 200 {
			select {
			case <-copied:
			case <-time.After(250 * time.Millisecond):
				if waiting(f) > 0 {
					continue
				}
			}
			break
		}
		_ = f.Close()
		return err
	case <-copied:
	}
	_ = f.Close() // who was there has gone: a hang-up
	late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	return <-ended
}

// waiting is how many bytes of a terminal's output are unread.
func waiting(f *os.File) (n int) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = c.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}

func window(w ssh.Window) *pty.Winsize {
	return &pty.Winsize{Rows: uint16(min(max(w.Height, 1), 1000)), Cols: uint16(min(max(w.Width, 1), 1000))}
}

// onPipes runs a program without a terminal: its output may be the bytes of a disk.
func onPipes(cmd *exec.Cmd, s ssh.Session) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = s, s.Stderr()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(in, s)
		_ = in.Close()
	}()
	return cmd.Wait()
}

func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return 0
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	return startFailed
}

// startFailed is the status of a program that was not started or was killed, as in ssh(1).
const startFailed = 255
