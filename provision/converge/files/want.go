package files

import (
	"fmt"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// want is a file with its numbers looked up; -1 leaves what is there.
type want struct {
	*catalog.File
	mode     int64
	below    int64 // mode of the files below a directory
	uid, gid int
	acl      *wantACL // nil leaves them
	// kept: keptACL is the access control list of the file that is replaced, "" for none.
	kept    bool
	keptACL []byte
}

func (f *Files) want(file *catalog.File) (w want, err error) {
	w = want{File: file, mode: -1, below: -1, uid: -1, gid: -1}
	if file.Mode != "" {
		mode, err := catalog.ParseMode(file.Mode)
		if err != nil {
			return w, err
		}
		w.mode = int64(mode)
	}
	if file.Owner != "" {
		if w.uid, err = f.accountID("/etc/passwd", file.Owner); err != nil {
			return w, fmt.Errorf("owner: %w", err)
		}
	}
	if file.Group != "" {
		if w.gid, err = f.accountID("/etc/group", file.Group); err != nil {
			return w, fmt.Errorf("group: %w", err)
		}
	}
	if file.ACL != nil {
		if w.acl, err = f.wantACL(file.ACL, file.Ensure == catalog.Directory); err != nil {
			return w, err
		}
	}
	if file.Recurse {
		w.mode, w.below = searchable(w.mode), w.mode
	}
	return w, nil
}

// attributes lists the differences in mode, owner, group and access control lists.
func (w want) attributes(p *place) (out []string, err error) {
	now := int64(p.st.Mode & 0o7777)
	var lists []string
	if w.acl != nil {
		var mode uint32
		if lists, mode, err = w.aclDiffers(p); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Path, err)
		}
		now = int64(mode)
	}
	if w.mode >= 0 && w.mode != now {
		out = append(out, fmt.Sprintf("mode %04o → %04o", now, w.mode))
	}
	if w.uid >= 0 && w.uid != int(p.st.Uid) {
		out = append(out, fmt.Sprintf("owner %d → %s", p.st.Uid, w.Owner))
	}
	if w.gid >= 0 && w.gid != int(p.st.Gid) {
		out = append(out, fmt.Sprintf("group %d → %s", p.st.Gid, w.Group))
	}
	return append(out, lists...), nil
}

// aclDiffers lists the differences in the access control lists. mode is the file's mode
// without them.
func (w want) aclDiffers(p *place) (out []string, mode uint32, err error) {
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	defer unix.Close(fd)
	access, err := readACL(fd, accessACL)
	if err != nil {
		return nil, 0, err
	}
	defaults, err := readACL(fd, defaultACL)
	if err != nil {
		return nil, 0, err
	}
	mode = access.unmasked(p.st.Mode & 0o7777)
	wanted := mode
	if w.mode >= 0 {
		wanted = uint32(w.mode)
	}
	wantAccess, wantDefaults := w.acl.lists(wanted)
	out = w.acl.differs(accessACL, access, wantAccess)
	return append(out, w.acl.differs(defaultACL, defaults, wantDefaults)...), mode, nil
}

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
	mode := st.Mode & 0o7777
	if w.uid >= 0 && w.uid != int(st.Uid) || w.gid >= 0 && w.gid != int(st.Gid) {
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
	}
	if err != nil {
		return fmt.Errorf("setting the access control list of %s: %w", w.Path, err)
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return fmt.Errorf("setting the mode of %s: %w", w.Path, err)
	}
	return nil
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
	mode := p.st.Mode & 0o7777
	if w.acl == nil {
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
