package files

import (
	"fmt"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// setAttributes sets mode, owner and group of what is there already. Owner
// first, since chown(2) clears set-user-ID.
func (w want) setAttributes(p *place) error {
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening %s: %w", w.Path, err)
	}
	defer unix.Close(fd)
	return w.setOn(fd)
}

// setOn is set, and returns when that is on disk.
func (w want) setOn(fd int) error {
	if err := w.set(fd); err != nil {
		return err
	}
	return unix.Fsync(fd)
}

// set sets owner, group, access control lists and mode.
func (w want) set(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	// A user with write access to the folder may have put a link to a file of somebody else
	// here since it was looked at.
	if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink > 1 {
		return fmt.Errorf("%s got a second name while it was looked at", w.Path)
	}
	mode := w.undeclaredMode(&st)
	if w.otherOwner(&st) {
		if err := unix.Fchown(fd, w.uid, w.gid); err != nil {
			return fmt.Errorf("setting the owner of %s: %w", w.Path, err)
		}
	}
	if w.acl == nil && w.mode >= 0 {
		mode = uint32(w.mode)
	}
	var err error
	switch {
	case w.acl != nil:
		mode, err = w.setACL(fd, mode)
	case w.kept:
		err = putACL(fd, accessACL, w.keptACL)
	case w.inherits || w.wouldTrust(st.Uid):
		mode, err = w.dropACL(fd, mode)
	}
	if err != nil {
		return fmt.Errorf("setting the access control list of %s: %w", w.Path, err)
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return fmt.Errorf("setting the mode of %s: %w", w.Path, err)
	}
	return nil
}

// otherOwner reports whether a file is to get another owner or group.
func (w want) otherOwner(st *unix.Stat_t) bool {
	return w.uid >= 0 && w.uid != int(st.Uid) || w.gid >= 0 && w.gid != int(st.Gid)
}

// undeclaredMode is the mode of a file for which none is declared. A file that changes hands
// loses set-user-ID and set-group-ID, as with chown(2). Otherwise a user's own program would
// become one that anybody runs as the new owner.
func (w want) undeclaredMode(st *unix.Stat_t) uint32 {
	mode := st.Mode & 0o7777
	if st.Mode&unix.S_IFMT == unix.S_IFREG && w.otherOwner(st) {
		mode &^= unix.S_ISUID | unix.S_ISGID
	}
	return mode
}

// setACL sets the declared access control lists. It returns the mode that goes with them:
// the mask stands in the place of the owning group's permissions.
func (w want) setACL(fd int, mode uint32) (uint32, error) {
	now, err := readACL(fd, accessACL)
	if err != nil {
		return 0, err
	}
	mode = now.unmasked(mode)
	if w.mode >= 0 {
		mode = uint32(w.mode)
	}
	access, defaults := w.acl.lists(mode)
	value := access.encode()
	if len(access) == len(minimal(mode)) {
		value = nil // the mode says all of it
	}
	if err := putACL(fd, accessACL, value); err != nil {
		return 0, err
	}
	value = nil
	if defaults != nil {
		value = defaults.encode()
	}
	if w.Ensure == catalog.Directory {
		err = putACL(fd, defaultACL, value)
	}
	return access.masked(mode), err
}

// inheritsACL reports whether something new gets its access control list from a directory of
// an ordinary user, and belongs to an owner who is trusted.
func (f *Files) inheritsACL(p *place, w want) bool {
	var dir unix.Stat_t
	owner := w.uid
	if owner < 0 {
		owner = unix.Geteuid()
	}
	return unix.Fstat(p.dir, &dir) == nil && !f.trusts(dir.Uid) && f.trusts(uint32(owner))
}

// dropACL removes the access control lists that come from an ordinary user: they may let that
// user read or write the file of another one. It returns the mode without them.
func (w want) dropACL(fd int, mode uint32) (uint32, error) {
	l, err := readACL(fd, accessACL)
	if err != nil {
		return 0, err
	}
	if w.mode < 0 {
		mode = l.unmasked(mode)
	}
	if err := putACL(fd, accessACL, nil); err != nil {
		return 0, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return mode, err
	}
	return mode, putACL(fd, defaultACL, nil)
}

// keep takes over the attributes that aren't declared from the file that is replaced.
func (w *want) keep(p *place) error {
	if w.kept { // a copy is restored
		return nil
	}
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	raw, err := rawACL(fd, accessACL)
	if err != nil {
		return err
	}
	mode := w.undeclaredMode(&p.st)
	if w.acl == nil && !w.wouldTrust(p.st.Uid) {
		w.kept, w.keptACL = true, raw
	} else if raw != nil {
		l, err := decodeACL(raw)
		if err != nil {
			return err
		}
		mode = l.unmasked(mode)
	}
	if w.mode < 0 {
		w.mode = int64(mode)
	}
	if w.uid < 0 {
		w.uid = int(p.st.Uid)
	}
	if w.gid < 0 {
		w.gid = int(p.st.Gid)
	}
	return nil
}
