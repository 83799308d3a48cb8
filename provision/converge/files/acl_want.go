package files

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/catalog"
)

// wantACL is what a declaration says of access control lists.
type wantACL struct {
	access, defaults acl
	names            map[aclEntry]string // of the users and groups, by entries without permissions
}

// lists are the access list and the default list of a file with a mode; nil for no default
// list.
func (w *wantACL) lists(mode uint32) (access, defaults acl) {
	if len(w.defaults) > 0 {
		defaults = w.defaults.whole(mode)
	}
	return w.access.whole(mode), defaults
}

// differs lists the entries that differ, but for those that the mode stands for.
func (w *wantACL) differs(name string, now, wanted acl) (out []string) {
	list := func(verb string, in, other acl) {
		var texts []string
		for _, e := range in {
			base := e.tag == catalog.ACLOwner || e.tag == catalog.ACLOwnerGroup || e.tag == catalog.ACLOther
			if !slices.Contains(other, e) && (name == defaultACL || !base) {
				texts = append(texts, w.text(name, e))
			}
		}
		if len(texts) > 0 {
			out = append(out, "acl "+verb+" "+listed(texts))
		}
	}
	list("adds", wanted, now)
	list("removes", now, wanted)
	return out
}

// text is an entry as getfacl(1) shows it.
func (w *wantACL) text(name string, e aclEntry) string {
	who := ""
	if e.id != aclNoID {
		who = cmp.Or(w.names[aclEntry{tag: e.tag, id: e.id}], fmt.Sprint(e.id))
	}
	return catalog.ACLEntry{Default: name == defaultACL, Tag: e.tag, Name: who, Perm: e.perm}.String()
}

// wantACL looks up the users and groups of a declaration.
func (f *Files) wantACL(texts []string, directory bool) (*wantACL, error) {
	entries, err := catalog.ParseACL(texts, directory)
	if err != nil {
		return nil, fmt.Errorf("acl: %w", err)
	}
	w := &wantACL{names: map[aclEntry]string{}}
	for _, e := range entries {
		entry := aclEntry{tag: e.Tag, perm: e.Perm, id: aclNoID}
		if file := map[catalog.ACLTag]string{catalog.ACLUser: "/etc/passwd", catalog.ACLGroup: "/etc/group"}[e.Tag]; file != "" {
			id, err := f.accountID(file, e.Name)
			if err != nil {
				return nil, fmt.Errorf("acl: %w", err)
			}
			entry.id = uint32(id)
			w.names[aclEntry{tag: e.Tag, id: entry.id}] = e.Name
		}
		to := &w.access
		if e.Default {
			to = &w.defaults
		}
		if slices.ContainsFunc(*to, func(o aclEntry) bool { return o.tag == entry.tag && o.id == entry.id }) {
			return nil, fmt.Errorf("acl: there are two entries for %s", strings.TrimSuffix(e.String(), ":"))
		}
		*to = append(*to, entry)
	}
	return w, nil
}
