package catalog

import (
	"slices"
	"strings"
)

// Uses lists the ids of resources that one uses, such as the owner of a file. Those that are
// declared come before it, and it requires them; those that are to be absent go after it.
func (r *Resource) Uses() []string {
	_, s := r.Kind()
	if u, ok := s.(interface{ Uses() []string }); ok {
		return u.Uses()
	}
	return nil
}

// Uses are its owner, its group, and the users and groups of its access control list.
func (f *File) Uses() []string {
	users, groups := []string{f.Owner}, []string{f.Group}
	entries, _ := ParseACL(f.ACL, true)
	for _, e := range entries {
		switch e.Tag {
		case ACLUser:
			users = append(users, e.Name)
		case ACLGroup:
			groups = append(groups, e.Name)
		}
	}
	return append(ids(KindUser, users...), ids(KindGroup, groups...)...)
}

// Uses are its groups. The group of its own name is one of them: it is often its primary one,
// which can't go before the user.
func (u *User) Uses() []string {
	return ids(KindGroup, append([]string{u.Group, u.Name}, u.Groups...)...)
}

// Uses are its user, and the files that its commands name.
func (e *Exec) Uses() []string {
	return append(ids(KindUser, e.User), ids(KindFile, paths(append([]string{e.Cwd}, e.Command...), e.Unless, e.OnlyIf)...)...)
}

// Uses are its user, and the files that its command names.
func (t *Timer) Uses() []string {
	return append(ids(KindUser, t.User), ids(KindFile, paths(t.Command)...)...)
}

// ids are the ids of resources of a kind, without those of empty names.
func ids(kind string, names ...string) (out []string) {
	for _, name := range names {
		if name != "" {
			out = append(out, ID(kind, name))
		}
	}
	return out
}

// paths are the words of commands that are absolute paths.
func paths(commands ...[]string) (out []string) {
	for _, words := range commands {
		for _, word := range words {
			if len(word) > 1 && word[0] == '/' {
				out = append(out, word)
			}
		}
	}
	return out
}

// Paths are its two unit files.
func (t *Timer) Paths() []string {
	return []string{UnitFolder + "/" + t.Name + ".timer", UnitFolder + "/" + t.Name + ".service"}
}

// UnitFolder is where an administrator's unit files lie (systemd.unit(5)).
const UnitFolder = "/etc/systemd/system"

// Paths are its drop-in.
func (s *Service) Paths() []string {
	if s.DropIn == nil {
		return nil
	}
	return []string{s.DropInPath()}
}

// DropInPath is where a service's drop-in lies.
func (s *Service) DropInPath() string {
	unit := s.Name
	// The suffixes of units (systemd.unit(5)).
	if !slices.Contains(strings.Fields("service socket device mount automount swap target path timer slice scope"), unit[strings.LastIndexByte(unit, '.')+1:]) {
		unit += ".service"
	}
	return UnitFolder + "/" + unit + ".d/rackhand.conf"
}
