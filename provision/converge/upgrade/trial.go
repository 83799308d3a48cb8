package upgrade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Child is the Trial that runs the program as a child, with args. What it prints goes to
// out. It dies with this process, so that no program that isn't proved outlives a kill.
func Child(out io.Writer, args ...string) Trial {
	return func(ctx context.Context, program string) error {
		// The parent-death signal comes when the thread ends that started the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		last := &lastLine{to: out}
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Stdout, cmd.Stderr = last, last
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		cmd.WaitDelay = time.Second // a grandchild may hold its output open
		err := cmd.Run()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("it did not end in time: %w", context.Cause(ctx))
		}
		if text := strings.ToValidUTF8(last.last, "?"); text != "" {
			err = errors.Join(err, errors.New(text))
		}
		return fmt.Errorf("%s", strings.ReplaceAll(err.Error(), "\n", ": "))
	}
}
