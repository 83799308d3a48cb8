package converge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockRun takes the lock that lets one run at a time touch the host. It waits
// until ctx ends for another run to end. The kernel releases the lock when this process
// ends. If the file can't be created, the existing file at the path instead is locked.
func lockRun(ctx context.Context, path, instead string, sleep func(context.Context, time.Duration) error) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	for _, other := range []string{path, instead} {
		if err != nil { // a full or read-only file system: a lock needs no writing
			var readErr error
			if f, readErr = os.Open(other); readErr == nil {
				err = nil
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the lock against a second run: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			// For people, and for the message below.
			f.Truncate(0)
			f.WriteAt([]byte(fmt.Sprintf("%d\n", os.Getpid())), 0)
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("the lock against a second run, %s: %w", path, err)
		}
		if sleep(ctx, 200*time.Millisecond) != nil {
			pid, _ := readFile(path, 32)
			f.Close()
			return nil, fmt.Errorf("another run holds %s (process %s): wait for it, or use a longer --wait: %w", path, strings.TrimSpace(string(pid)), context.Cause(ctx))
		}
	}
}

// Sleep waits for d or until ctx ends, and returns ctx's error then.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
