package files

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// The extended attributes of access control lists (acl(5)).
const (
	accessACL  = "system.posix_acl_access"
	defaultACL = "system.posix_acl_default"
)

// aclNoID is the number of an entry that names nobody.
const aclNoID = math.MaxUint32

type aclEntry struct {
	tag  catalog.ACLTag
	perm uint16
	id   uint32
}

// acl is an access control list, in the kernel's order.
type acl []aclEntry

// decodeACL reads the value of an extended attribute (linux/posix_acl_xattr.h, version 2).
func decodeACL(b []byte) (l acl, err error) {
	if len(b) < 4 || len(b)%8 != 4 || binary.LittleEndian.Uint32(b) != 2 {
		return nil, errors.New("its access control list is of an unknown form")
	}
	for b = b[4:]; len(b) > 0; b = b[8:] {
		l = append(l, aclEntry{catalog.ACLTag(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])})
	}
	return l, nil
}

func (l acl) encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range l {
		b = binary.LittleEndian.AppendUint16(b, uint16(e.tag))
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

// rawACL is the value of an extended attribute; nil without one, or if the file system
// keeps none.
func rawACL(fd int, name string) ([]byte, error) {
	b := make([]byte, 64<<10) // XATTR_SIZE_MAX
	n, err := unix.Fgetxattr(fd, name, b)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("its access control list: %w", err)
	}
	return b[:n], nil
}

func readACL(fd int, name string) (acl, error) {
	b, err := rawACL(fd, name)
	if b == nil || err != nil {
		return nil, err
	}
	return decodeACL(b)
}

// putACL sets an extended attribute, or removes it if there is no value.
func putACL(fd int, name string, value []byte) error {
	var err error
	if len(value) > 0 {
		err = unix.Fsetxattr(fd, name, value, 0)
	} else if err = unix.Fremovexattr(fd, name); errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	if errors.Is(err, unix.EOPNOTSUPP) {
		return errors.New("its file system keeps no access control lists")
	}
	return err
}

// minimal is the list that a mode stands for.
func minimal(mode uint32) acl {
	perm := func(shift int) uint16 { return uint16(mode>>shift) & 7 }
	return acl{
		{catalog.ACLOwner, perm(6), aclNoID}, {catalog.ACLOwnerGroup, perm(3), aclNoID}, {catalog.ACLOther, perm(0), aclNoID},
	}
}

func (l acl) perm(tag catalog.ACLTag) (perm uint16, ok bool) {
	i := slices.IndexFunc(l, func(e aclEntry) bool { return e.tag == tag })
	if i < 0 {
		return 0, false
	}
	return l[i].perm, true
}

// unmasked is a mode without an access list: with the permissions of the owning group instead
// of the mask, which stat(2) shows in their place.
func (l acl) unmasked(mode uint32) uint32 {
	if group, ok := l.perm(catalog.ACLOwnerGroup); ok {
		return mode&^0o070 | uint32(group)<<3
	}
	return mode
}

// masked is a mode as stat(2) shows it with an access list.
func (l acl) masked(mode uint32) uint32 {
	if mask, ok := l.perm(catalog.ACLMask); ok {
		return mode&^0o070 | uint32(mask)<<3
	}
	return mode
}

// whole completes named entries with those that a mode stands for, where they aren't given,
// and with a mask: all that the named ones and the owning group may do.
func (l acl) whole(mode uint32) acl {
	out := slices.Clone(l)
	for _, e := range minimal(mode) {
		if _, ok := l.perm(e.tag); !ok {
			out = append(out, e)
		}
	}
	if _, ok := out.perm(catalog.ACLMask); !ok {
		named, mask := false, uint16(0)
		for _, e := range out {
			named = named || e.tag == catalog.ACLUser || e.tag == catalog.ACLGroup
			if e.tag != catalog.ACLOwner && e.tag != catalog.ACLOther {
				mask |= e.perm
			}
		}
		if named {
			out = append(out, aclEntry{catalog.ACLMask, mask, aclNoID})
		}
	}
	slices.SortFunc(out, func(a, b aclEntry) int { return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.id, b.id)) })
	return out
}
