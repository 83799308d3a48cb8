package unpack

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"rackhand/provision/installer/report"
)

// aclAttribute are the extended attributes that POSIX ACLs lie in (acl(5)), by the
// PAX record in which star, GNU tar --acls and libarchive write them as text.
func aclAttribute() map[string]string {
	return map[string]string{
		"SCHILY.acl.access":  "system.posix_acl_access",
		"SCHILY.acl.default": "system.posix_acl_default",
	}
}

// Tags of ACL entries, as in linux/posix_acl.h.
const (
	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20

	aclNoID    = 0xffffffff
	aclEntries = 1024 // more than any file system here keeps
)

type aclEntry struct {
	tag, perm uint16
	id        uint32
}

// An errNoName is a name in an ACL that the image's own users don't have.
type errNoName struct{ kind, name string }

func (e *errNoName) Error() string {
	return fmt.Sprintf("the image has no %s %q", e.kind, report.ClipText(e.name, 60))
}

// parseACL turns an ACL's text, entries separated by commas or line feeds, into the
// attribute's value (linux/posix_acl_xattr.h, version 2). users and groups are the
// image's own; a name that they lack is taken by the number in a fourth field, as
// star writes it, and is an errNoName without one.
func parseACL(text string, users, groups map[string]uint32) ([]byte, error) {
	var list []aclEntry
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		part, _, _ = strings.Cut(part, "#") // "#effective:r--"
		part = strings.TrimPrefix(strings.TrimSpace(part), "default:")
		if part == "" {
			continue
		}
		e, err := parseACLEntry(part, users, groups)
		if err != nil {
			return nil, err
		}
		if list = append(list, e); len(list) > aclEntries {
			return nil, fmt.Errorf("an ACL has more than %d entries", aclEntries)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("an ACL is empty")
	}
	slices.SortStableFunc(list, func(a, b aclEntry) int {
		return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.id, b.id))
	})
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range list {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b, nil
}

// parseACLEntry reads "user::rw-", "user:lisa:r--", "group:502:r-x:502", "mask::r--".
func parseACLEntry(s string, users, groups map[string]uint32) (aclEntry, error) {
	bad := fmt.Errorf("%q is not an ACL entry", report.ClipText(s, 100))
	f := strings.Split(s, ":")
	if len(f) == 2 && (f[0] == "mask" || f[0] == "other" || f[0] == "m" || f[0] == "o") { // BSD leaves the name out
		f = []string{f[0], "", f[1]}
	}
	if len(f) < 3 || len(f) > 4 {
		return aclEntry{}, bad
	}
	e := aclEntry{id: aclNoID}
	for _, r := range f[2] {
		switch r {
		case 'r':
			e.perm |= 4
		case 'w':
			e.perm |= 2
		case 'x':
			e.perm |= 1
		case '-':
		default:
			return aclEntry{}, bad
		}
	}
	var names map[string]uint32
	kind := f[0]
	switch kind {
	case "user", "u":
		e.tag, names, kind = aclUserObj, users, "user"
	case "group", "g":
		e.tag, names, kind = aclGroupObj, groups, "group"
	case "mask", "m":
		e.tag = aclMask
	case "other", "o":
		e.tag = aclOther
	default:
		return aclEntry{}, bad
	}
	if f[1] == "" {
		return e, nil
	}
	if names == nil {
		return aclEntry{}, bad
	}
	e.tag <<= 1 // a named user or group
	id, ok := names[f[1]]
	for _, number := range append([]string{f[1]}, f[3:]...) {
		if n, err := strconv.ParseUint(number, 10, 32); err == nil && !ok {
			id, ok = uint32(n), true
		}
	}
	if !ok {
		return aclEntry{}, &errNoName{kind, f[1]}
	}
	e.id = id
	return e, nil
}

// readNames reads /etc/passwd or /etc/group: names and their numbers. Lines that
// are malformed are skipped.
func readNames(r io.Reader) map[string]uint32 {
	names := map[string]uint32{}
	sc := bufio.NewScanner(io.LimitReader(r, 8<<20))
	for sc.Scan() {
		f := strings.SplitN(sc.Text(), ":", 4)
		if len(f) < 3 {
			continue
		}
		if n, err := strconv.ParseUint(f[2], 10, 32); err == nil {
			names[f[0]] = uint32(n)
		}
	}
	return names
}
