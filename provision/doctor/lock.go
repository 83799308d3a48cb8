package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// LockDir is where the locks of links lie. It is one for the whole machine, unlike a
// state folder, since two appliances with two state folders must not serve one link
// either; and /run, since a lock means nothing after a reboot. The kernel drops a
// lock with its process, also at kill -9.
const LockDir = "/run/rackhand"

// A HeldError says that another rackhand has the lock of a link.
type HeldError struct {
	Link string
	PID  int // 0 when it isn't known
}

func (e *HeldError) Error() string {
	who := "another rackhand"
	if e.PID != 0 {
		who += fmt.Sprintf(" (process %d)", e.PID)
	}
	return fmt.Sprintf("%s already serves the link %s: stop it, or use another link here", who, e.Link)
}

// lockPath names a link's lock: an interface's name means something within its
// network namespace only.
func lockPath(dir, link string) (string, error) {
	info, err := os.Stat("/proc/thread-self/ns/net")
	if err != nil {
		return "", fmt.Errorf("name the lock of %s: %w", link, err)
	}
	return filepath.Join(dir, fmt.Sprintf("link-%s-%d.lock", link, info.Sys().(*syscall.Stat_t).Ino)), nil
}

// Lock takes the lock of a link in dir (LockDir), so that two appliances never serve
// one link; close releases it. While another holds it, a *HeldError, after a moment:
// a doctor that looks at the lock holds it for less.
func Lock(ctx context.Context, dir, link string) (release func(), err error) {
	path, err := lockPath(dir, link)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("lock the link %s: %w", link, err)
	}
	for range 10 {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			return nil, fmt.Errorf("lock the link %s: %w", link, err)
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && stillThere(f, path) {
			return hold(f, path)
		}
		f.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock the link %s: %w", link, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil, &HeldError{link, holder(path)}
}

// hold records the holder in a lock that was taken.
func hold(f *os.File, path string) (func(), error) {
	err := f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("write the lock: %w", err)
	}
	return func() {
		_ = os.Remove(path) // while it is held: see stillThere
		f.Close()
	}, nil
}

// stillThere reports whether a file that was locked is the one that bears the name
// now: its last holder may have removed it in between.
func stillThere(f *os.File, path string) bool {
	mine, err1 := f.Stat()
	now, err2 := os.Lstat(path)
	return err1 == nil && err2 == nil && os.SameFile(mine, now)
}

// Holder reports whether a rackhand serves a link of this namespace, and its process (0
// if unknown).
func Holder(dir, link string) (pid int, held bool, err error) {
	path, err := lockPath(dir, link)
	if err != nil {
		return 0, false, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	// Shared, so that two doctors don't take each other for an appliance.
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return holder(path), true, nil
	}
	return 0, false, err
}

func holder(path string) int {
	b, err := os.ReadFile(path)
	if err != nil || len(b) > 20 {
		return 0
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b)))
	if err != nil {
		return 0
	}
	return pid
}
