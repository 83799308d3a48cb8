package files

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// openDir opens a directory of the host for use as a dirfd, one component at a
// time. A symbolic link on the way is followed only if its owner is trusted. Otherwise a
// user with write access to a directory on the way could redirect root. The path always
// stays below the root, also with links.
func (f *Files) openDir(path string) (fd int, err error) {
	root, err := unix.Open(f.in("/"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", f.in("/"), err)
	}
	if fd, ok := openWithoutLinks(root, path); ok {
		unix.Close(root)
		return fd, nil
	}
	stack := []int{root}
	defer func() {
		for _, fd := range stack {
			unix.Close(fd)
		}
	}()
	rest, links := strings.Split(path, "/"), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if len(stack) > 1 {
				unix.Close(stack[len(stack)-1])
				stack = stack[:len(stack)-1]
			}
			continue
		}
		fd, err := unix.Openat(stack[len(stack)-1], name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, fmt.Errorf("directory %s, at %s: %w", path, name, err)
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("directory %s, at %s: %w", path, name, err)
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			stack = append(stack, fd)
		case unix.S_IFLNK:
			target, err := f.readLink(fd, st.Uid)
			unix.Close(fd)
			if links++; err == nil && links > 40 {
				err = unix.ELOOP
			}
			if err != nil {
				return -1, fmt.Errorf("directory %s, at %s: %w", path, name, err)
			}
			if strings.HasPrefix(target, "/") {
				for _, fd := range stack[1:] {
					unix.Close(fd)
				}
				stack = stack[:1]
			}
			rest = append(strings.Split(target, "/"), rest...)
		default:
			unix.Close(fd)
			return -1, fmt.Errorf("directory %s, at %s: %w", path, name, unix.ENOTDIR)
		}
	}
	fd = stack[len(stack)-1]
	stack = stack[:len(stack)-1]
	return fd, nil
}

// openWithoutLinks opens a directory below root in one call, if no symbolic link is on the
// way (openat2(2), Linux 5.6). Of anything else, the walk finds out more.
func openWithoutLinks(root int, path string) (fd int, ok bool) {
	rest := strings.TrimLeft(path, "/")
	if rest == "" {
		rest = "."
	}
	fd, err := unix.Openat2(root, rest, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	return fd, err == nil
}

// readLink reads the symbolic link that fd was opened on (readlinkat(2) with an
// empty path).
func (f *Files) readLink(fd int, owner uint32) (string, error) {
	if !f.trusts(owner) {
		return "", fmt.Errorf("it is a symbolic link that belongs to user %d, and is not followed", owner)
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	if n == len(buf) {
		return "", unix.ENAMETOOLONG
	}
	return string(buf[:n]), nil
}

func (f *Files) trusts(owner uint32) bool {
	if f.Trust != nil {
		return f.Trust(owner)
	}
	return owner == 0 || int(owner) == unix.Geteuid()
}
