package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"rackhand/provision/converge/provider"
)

// Read is the content of a regular file of the host, of at most limit bytes. A symbolic link
// in its place is an error, and so is a larger file. there is false if nothing is in its
// place, or if a folder on the way is absent.
func (f *Files) Read(ctx context.Context, name string, limit int64) (content []byte, there bool, err error) {
	file, err := f.Look(ctx, name, limit)
	if file == nil {
		return nil, err != nil, err
	}
	return file.Content, true, nil
}

// Look is a regular file as Read reads it, with its attributes; nil if nothing is there.
func (f *Files) Look(ctx context.Context, name string, limit int64) (*provider.Regular, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	dir, err := f.openDir(path.Dir(name))
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	file, err := openRegular(dir, path.Base(name), unix.O_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%s is a symbolic link, and is not followed: name the file that it leads to", name)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	defer file.Close()
	var st unix.Stat_t
	err = unix.Fstat(int(file.Fd()), &st)
	b := []byte(nil)
	if err == nil {
		b, err = readBounded(file, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return &provider.Regular{Content: b, Mode: st.Mode & 0o7777, UID: int(st.Uid), GID: int(st.Gid)}, nil
}

// readRegular reads a regular file of at most limit bytes. flags are those of openat(2).
func readRegular(dir int, name string, flags int, limit int64) ([]byte, error) {
	file, err := openRegular(dir, name, flags)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readBounded(file, limit)
}

func openRegular(dir int, name string, flags int) (*os.File, error) {
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
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errIrregular
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func readBounded(file *os.File, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return b, err
}

var errIrregular = errors.New("it is not a regular file")

// Unified is the diff of two texts, printable and bounded; "" unless both are text.
func (f *Files) Unified(name string, old, new []byte) string { return unified(name, old, new) }
