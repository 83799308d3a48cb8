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
	// inherits: a list that is there comes from a directory of an ordinary user.
	inherits bool
	trusts   func(uid uint32) bool // whose links are followed
	// kept: keptACL is the access control list of the file that is replaced, "" for none.
	kept    bool
	keptACL []byte
}

func (f *Files) want(file *catalog.File) (w want, err error) {
	w = want{File: file, mode: -1, below: -1, uid: -1, gid: -1, trusts: f.trusts}
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
