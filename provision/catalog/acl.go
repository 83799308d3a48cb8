package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxACL is how many entries the ACLs of a file may have. Ext4 keeps fewer than 500 in a block
// of 4 KiB.
const MaxACL = 400

// An ACLTag says whom an entry of an ACL is for. The values are those of linux/posix_acl.h.
type ACLTag uint16

// The tags, in the order of a list.
const (
	ACLOwner      ACLTag = 0x01
	ACLUser       ACLTag = 0x02
	ACLOwnerGroup ACLTag = 0x04
	ACLGroup      ACLTag = 0x08
	ACLMask       ACLTag = 0x10
	ACLOther      ACLTag = 0x20
)

// An ACLEntry is an entry of an access control list, or of a directory's default list.
type ACLEntry struct {
	Default bool
	Tag     ACLTag
	Name    string // of a user or a group, or its number
	Perm    uint16 // read 4, write 2, execute 1
}

// ParseACL reads entries as setfacl(1) takes them: user:www-data:r-x, g:adm:r,
// default:user:backup:rwx, mask::r-x. The entries of the owner, the owning group and all
// others are the file's mode; only a default list of a directory may have such ones.
func ParseACL(texts []string, directory bool) ([]ACLEntry, error) {
	if len(texts) > MaxACL {
		return nil, fmt.Errorf("%d entries, at most %d are allowed", len(texts), MaxACL)
	}
	var out []ACLEntry
	for _, text := range texts {
		e, err := parseACLEntry(text)
		if err != nil {
			return nil, fmt.Errorf("%.80q: %w", text, err)
		}
		switch {
		case e.Default && !directory:
			return nil, fmt.Errorf("%.80q: only a directory has default entries", text)
		case !e.Default && (e.Tag == ACLOwner || e.Tag == ACLOwnerGroup || e.Tag == ACLOther):
			return nil, fmt.Errorf("%.80q: declare it by mode; an entry here names a user or a group", text)
		}
		if slices.ContainsFunc(out, func(o ACLEntry) bool { return o.Default == e.Default && o.Tag == e.Tag && o.Name == e.Name }) {
			return nil, fmt.Errorf("%.80q: there are two entries for it", text)
		}
		out = append(out, e)
	}
	return out, nil
}

func parseACLEntry(text string) (e ACLEntry, err error) {
	form := errors.New("write user:NAME:rwx, group:NAME:r-x or mask::r-x, with default: before it for a default list")
	fields := strings.Split(text, ":")
	if fields[0] == "default" || fields[0] == "d" {
		e.Default, fields = true, fields[1:]
	}
	if len(fields) != 3 {
		return e, form
	}
	e.Name = fields[1]
	switch fields[0] {
	case "user", "u":
		e.Tag = ACLUser
		if e.Name == "" {
			e.Tag = ACLOwner
		}
	case "group", "g":
		e.Tag = ACLGroup
		if e.Name == "" {
			e.Tag = ACLOwnerGroup
		}
	case "mask", "m":
		e.Tag = ACLMask
	case "other", "o":
		e.Tag = ACLOther
	default:
		return e, form
	}
	named := e.Tag == ACLUser || e.Tag == ACLGroup
	if !named && e.Name != "" || named && (len(e.Name) > 64 || !userName.MatchString(e.Name)) {
		return e, form
	}
	if e.Perm, err = parsePerm(fields[2]); err != nil {
		return e, err
	}
	return e, nil
}

// parsePerm reads rwx, r-x, r, - or an octal digit.
func parsePerm(text string) (perm uint16, err error) {
	if len(text) == 1 && text[0] >= '0' && text[0] <= '7' {
		return uint16(text[0] - '0'), nil
	}
	for _, c := range text {
		i := strings.IndexRune("xwr", c)
		if c == '-' {
			continue
		}
		if i < 0 || perm&(1<<i) != 0 {
			return 0, fmt.Errorf("permissions are letters of rwx, with or without dashes, not %.20q", text)
		}
		perm |= 1 << i
	}
	if text == "" || len(text) > 3 {
		return 0, fmt.Errorf("permissions are letters of rwx, with or without dashes, not %.20q", text)
	}
	return perm, nil
}

// String is an entry as getfacl(1) shows it.
func (e ACLEntry) String() string {
	words := map[ACLTag]string{ACLOwner: "user", ACLUser: "user", ACLOwnerGroup: "group", ACLGroup: "group", ACLMask: "mask", ACLOther: "other"}
	perm := []byte("---")
	for i, c := range []byte("rwx") {
		if e.Perm&(4>>i) != 0 {
			perm[i] = c
		}
	}
	text := words[e.Tag] + ":" + e.Name + ":" + string(perm)
	if e.Default {
		text = "default:" + text
	}
	return text
}
