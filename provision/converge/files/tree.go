package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// The bounds of what is below a directory that is looked at.
const (
	maxEntries = 100_000
	maxDepth   = 100
)

// entry is something below a directory.
type entry struct {
	dir   int    // the descriptor of the directory that it is in
	name  string // in that directory
	path  string // relative to the top
	st    unix.Statx_t
	mount bool // something is mounted there
}

func (e *entry) kind() uint32 { return uint32(e.st.Mode) & unix.S_IFMT }

// tree walks over all that is below a directory, by descriptors: a name that becomes a
// symbolic link in between leads nowhere. Mount points are visited and not entered.
type tree struct {
	// visit is called for each entry; within says whether those below are visited, too.
	visit func(e *entry) (within bool, err error)
	// leave is called for each directory after those below it; nothing when nil.
	leave func(e *entry) error

	entries int
}

// walk visits all below an open directory, in the order of names.
func (t *tree) walk(ctx context.Context, dir int, at string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s is more than %d directories deep", at, maxDepth)
	}
	names, err := t.names(ctx, dir)
	if err != nil {
		return fmt.Errorf("reading the directory %s: %w", at, err)
	}
	for _, name := range names {
		e := &entry{dir: dir, name: name, path: path.Join(at, name)}
		found, err := e.stat()
		if err != nil {
			return err
		}
		if !found {
			continue // it went in between
		}
		within, err := t.visit(e)
		if err != nil {
			return err
		}
		if e.kind() != unix.S_IFDIR {
			continue
		}
		if within && !e.mount {
			if err := t.enter(ctx, e, depth); err != nil {
				return err
			}
		}
		if t.leave != nil {
			if err := t.leave(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tree) enter(ctx context.Context, e *entry, depth int) error {
	fd, err := e.open(unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return t.walk(ctx, fd, e.path, depth+1)
}

// names are the sorted names in a directory, counted.
func (t *tree) names(ctx context.Context, fd int) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	// A descriptor of its own: reading moves the offset of the open directory.
	own, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	dir := os.NewFile(uintptr(own), ".")
	defer dir.Close()
	var all []string
	for {
		names, err := dir.Readdirnames(1000)
		all = append(all, names...)
		if t.entries += len(names); t.entries > maxEntries {
			return nil, fmt.Errorf("there are more than %d entries below: name a directory further down", maxEntries)
		}
		if errors.Is(err, io.EOF) {
			slices.Sort(all)
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (e *entry) stat() (found bool, err error) {
	const fields = unix.STATX_BASIC_STATS
	err = unix.Statx(e.dir, e.name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, fields, &e.st)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", e.path, err)
	}
	if e.st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		e.mount = e.st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
		return true, nil
	}
	// Before Linux 5.8, a mount point is on another device than its directory.
	var dir unix.Stat_t
	if err := unix.Fstat(e.dir, &dir); err != nil {
		return false, fmt.Errorf("%s: %w", e.path, err)
	}
	e.mount = unix.Mkdev(e.st.Dev_major, e.st.Dev_minor) != dir.Dev
	return true, nil
}

// open opens an entry that is a directory or a regular file, and verifies that it is still the
// one that was looked at.
func (e *entry) open(flags int) (fd int, err error) {
	fd, err = unix.Openat(e.dir, e.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", e.path, err)
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && (st.Ino != e.st.Ino || st.Dev != unix.Mkdev(e.st.Dev_major, e.st.Dev_minor)) {
		err = errors.New("it was replaced while it was looked at")
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", e.path, err)
	}
	return fd, nil
}

// openTop opens the directory at a place.
func (p *place) openTop() (fd int, err error) {
	fd, err = unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening the directory %s: %w", p.name, err)
	}
	return fd, nil
}
