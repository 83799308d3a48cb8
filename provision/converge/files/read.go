package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Read is the content of a regular file of the host, of at most limit bytes. A symbolic link
// in its place is an error, and so is a larger file. there is false if nothing is in its
// place, or if a folder on the way is absent.
func (f *Files) Read(ctx context.Context, name string, limit int64) (content []byte, there bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, context.Cause(ctx)
	}
	dir, err := f.openDir(path.Dir(name))
	if errors.Is(err, unix.ENOENT) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer unix.Close(dir)
	b, err := readRegular(dir, path.Base(name), unix.O_NOFOLLOW, limit)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, false, nil
	case errors.Is(err, unix.ELOOP):
		return nil, true, fmt.Errorf("%s is a symbolic link, and is not followed", name)
	case err != nil:
		return nil, true, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, true, nil
}

// readRegular reads a regular file of at most limit bytes. flags are those of openat(2).
func readRegular(dir int, name string, flags int, limit int64) ([]byte, error) {
	// Nothing else is opened: opening a device may act on it. O_NONBLOCK: it may become a pipe
	// in between.
	look := 0
	if flags&unix.O_NOFOLLOW != 0 {
		look = unix.AT_SYMLINK_NOFOLLOW
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, look); err != nil {
		return nil, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		return nil, unix.ELOOP
	default:
		return nil, errIrregular
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	if info, err := file.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errIrregular
	}
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return b, err
}

var errIrregular = errors.New("it is not a regular file")
