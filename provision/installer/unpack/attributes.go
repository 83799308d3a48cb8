package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/report"
)

// attributes are an entry's extended attributes: those of SCHILY.xattr.* records
// (star, GNU tar --xattrs, libarchive), among them capabilities and ACLs in their
// binary form, and the SELinux context of RHT.security.selinux (GNU tar --selinux).
// acls are ACLs as text, by their attribute's name, where no binary one is given.
func attributes(h *tar.Header) (xattrs, acls map[string]string) {
	for k, v := range h.PAXRecords {
		if name, ok := strings.CutPrefix(k, "SCHILY.xattr."); ok {
			xattrs = put(xattrs, name, v)
		}
	}
	if v, ok := h.PAXRecords["RHT.security.selinux"]; ok && xattrs["security.selinux"] == "" {
		xattrs = put(xattrs, "security.selinux", strings.TrimRight(v, "\x00")+"\x00")
	}
	for record, name := range aclAttribute() {
		if v := h.PAXRecords[record]; v != "" && xattrs[name] == "" {
			acls = put(acls, name, v)
		}
	}
	return xattrs, acls
}

func put(m map[string]string, k, v string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	return m
}

// setAttributes sets extended attributes by set. Attributes that the file system or the
// kind of file can't hold are noted as lost. A lost capability is an error, because its
// program would fail much later.
func (x *extractor) setAttributes(attrs map[string]string, set func(string, []byte) error) error {
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		err := set(name, []byte(attrs[name]))
		switch {
		case err == nil:
		case name != "security.capability" && (err == unix.ENOTSUP || err == unix.EPERM):
			x.noteLost(name)
		default:
			return fmt.Errorf("attribute %s: %w", report.ClipText(name, 60), err)
		}
	}
	return nil
}

// noteLost notes that a file lost an attribute. Few names are kept, however many the
// tar makes up.
func (x *extractor) noteLost(name string) {
	if name = report.ClipText(name, 100); len(x.lost) >= 20 && x.lost[name] == 0 {
		name = "others"
	}
	x.lost[name]++
}

// linkAttributes sets the attributes of a symlink, a device or a fifo itself. These can't
// be opened, and there is no lsetxattrat. So it uses the folder's descriptor.
func (x *extractor) linkAttributes(dir int, base string, attrs map[string]string) error {
	return x.setAttributes(attrs, func(k string, v []byte) error {
		return unix.Lsetxattr(fmt.Sprintf("/proc/self/fd/%d/%s", dir, base), k, v, 0)
	})
}

// later keeps an ACL in text until the image's users are known.
func (x *extractor) later(name string, acls map[string]string) error {
	if len(acls) == 0 || !x.owners {
		return nil
	}
	for _, v := range acls {
		x.kept += int64(len(name) + len(v))
	}
	x.acls[name] = acls
	return x.bounded()
}

// finishACLs sets the ACLs that came as text.
func (x *extractor) finishACLs() error {
	if len(x.acls) == 0 {
		return nil
	}
	users, groups := x.names("etc/passwd"), x.names("etc/group")
	for _, name := range slices.Sorted(maps.Keys(x.acls)) {
		if err := x.finishACL(name, users, groups); err != nil {
			return fmt.Errorf("%s: %w", report.ClipText(name, 200), err)
		}
	}
	return nil
}

func (x *extractor) finishACL(name string, users, groups map[string]uint32) error {
	attrs := map[string]string{}
	for attr, text := range x.acls[name] {
		value, err := parseACL(text, users, groups)
		var unknown *errNoName
		if errors.As(err, &unknown) {
			x.noteLost(attr + " (" + unknown.Error() + ")")
			continue
		}
		if err != nil {
			return err
		}
		attrs[attr] = string(value)
	}
	if name == "" {
		name = "."
	}
	if err := x.enter(path.Dir(name)); err != nil {
		return err
	}
	return x.linkAttributes(int(x.dir.Fd()), path.Base(name), attrs)
}

// names reads one of the image's own files of names; empty if the image lacks it.
func (x *extractor) names(file string) map[string]uint32 {
	f, err := x.root.OpenFile(file, unix.O_RDONLY|unix.O_NONBLOCK, 0) // a fifo must not hold it up
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil
	}
	return readNames(f)
}
