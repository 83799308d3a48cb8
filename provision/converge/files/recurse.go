package files

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// recursion gives owner, group and mode to all below a directory. What other resources
// declare, mount points and what is behind symbolic links stay as they are.
type recursion struct {
	want
	keep map[string]bool // declared, relative to the directory
	gone map[string]bool // what a purge removes before
	act  bool            // changes; otherwise all is only looked at

	differ []string // what differs
	shared []string // regular files that differ and have more than one name
}

func newRecursion(w want, gone []string) *recursion {
	r := &recursion{want: w, keep: map[string]bool{}, gone: map[string]bool{}}
	r.acl = nil // of the directory alone
	for _, name := range w.Declared {
		r.keep[name] = true
	}
	for _, name := range gone {
		r.gone[strings.TrimSuffix(name, "/")] = true
	}
	return r
}

// run walks over the directory.
func (r *recursion) run(ctx context.Context, top int) error {
	r.differ, r.shared = nil, nil
	return (&tree{visit: r.visit}).walk(ctx, top, "", 0)
}

// refused says why the directory's content can't be changed; nil if it can.
func (r *recursion) refused() error {
	if len(r.shared) == 0 {
		return nil
	}
	return fmt.Errorf("recurse would change %s: a hard link elsewhere would change too", count(r.shared, "a file with more than one name", "files with more than one name"))
}

func (r *recursion) visit(e *entry) (within bool, err error) {
	if r.gone[e.path] {
		return false, nil
	}
	if e.mount || r.keep[e.path] {
		return !e.mount, nil
	}
	if e.kind() == unix.S_IFLNK && r.wouldTrust(e.st.Uid) {
		return false, nil
	}
	w := r.of(e.kind())
	if !w.differs(e) {
		return true, nil
	}
	r.differ = append(r.differ, e.path)
	if e.kind() == unix.S_IFREG && e.st.Nlink > 1 {
		r.shared = append(r.shared, e.path)
	}
	if r.act {
		err = w.setEntry(e)
	}
	return true, err
}

// of is what an entry of a kind should be like. Directories can be searched by all who can
// read them; set-user-ID and the like are for directories alone.
func (r *recursion) of(kind uint32) want {
	w := r.want
	switch {
	case kind == unix.S_IFDIR:
	case kind == unix.S_IFREG && w.below >= 0:
		w.mode = w.below & 0o777
	default:
		w.mode = -1
		if kind != unix.S_IFLNK && kind != unix.S_IFREG {
			w.uid, w.gid = -1, -1 // devices, pipes and sockets
		}
	}
	return w
}

// searchable adds x to a mode where it has r, as for chmod(1)'s X.
func searchable(mode int64) int64 {
	if mode < 0 {
		return mode
	}
	return mode | mode&0o444>>2
}

func (w want) differs(e *entry) bool {
	return w.mode >= 0 && w.mode != int64(e.st.Mode&0o7777) || w.uid >= 0 && uint32(w.uid) != e.st.Uid || w.gid >= 0 && uint32(w.gid) != e.st.Gid
}

// setEntry changes an entry. A symbolic link is changed itself.
func (w want) setEntry(e *entry) error {
	if e.kind() == unix.S_IFLNK {
		return w.setLink(e.dir, e.name)
	}
	fd, err := e.open(0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if e.kind() == unix.S_IFREG && st.Nlink > 1 {
		return errors.New(e.path + " got a second name while it was looked at")
	}
	return w.set(fd)
}

// wouldTrust reports whether something that an ordinary user made goes to an owner whose
// symbolic links are followed. The user chose the target of a link, and the access control
// list of a file.
func (w want) wouldTrust(owner uint32) bool {
	return w.uid >= 0 && !w.trusts(owner) && w.trusts(uint32(w.uid))
}

// setLink sets the owner and group of a symbolic link.
func (w want) setLink(dir int, name string) error {
	if w.uid < 0 && w.gid < 0 {
		return nil
	}
	// A descriptor: another link may come into its place.
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the link %s: %w", name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFLNK || w.wouldTrust(st.Uid)) {
		err = fmt.Errorf("it was replaced by user %d while it was looked at", st.Uid)
	}
	if err == nil {
		err = unix.Fchownat(fd, "", w.uid, w.gid, unix.AT_EMPTY_PATH)
	}
	if err != nil {
		return fmt.Errorf("setting the owner of the link %s: %w", name, err)
	}
	return nil
}
