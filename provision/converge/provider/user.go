package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rackhand/provision/catalog"
)

// user brings users about by useradd(8), usermod(8), userdel(8) and chpasswd(8).
type user struct{ Host }

// account is a user as it is now.
type account struct {
	uid, gid, comment, home, shell string
	group                          string   // the name of its primary group; its number without one
	groups                         []string // those that list it as a member
	// hash and expiry are those of shadow(5); shadow is false if it has no line there.
	hash, expiry string
	shadow       bool
	homeless     bool // its home folder, as it is to be, isn't there
}

// account reads a user; nil without one.
func (p user) account(ctx context.Context, u *catalog.User) (a *account, groups table, err error) {
	users, err := p.table(ctx, passwdFile)
	if err != nil {
		return nil, nil, err
	}
	if groups, err = p.table(ctx, groupFile); err != nil {
		return nil, nil, err
	}
	line, err := users.entry(passwdFile, u.Name, 7)
	if u.UID != nil && (line == nil || line[2] != strconv.Itoa(*u.UID)) {
		if other := users.with(2, strconv.Itoa(*u.UID)); other != nil {
			return nil, nil, &Missing{Err: fmt.Errorf("the uid %d belongs to the user %s", *u.UID, other[0]), By: []string{catalog.ID(catalog.KindUser, other[0])}}
		}
	}
	if err != nil || line == nil {
		return nil, groups, err
	}
	a = &account{uid: line[2], gid: line[3], comment: line[4], home: line[5], shell: line[6], group: line[3], groups: groups.groupsOf(u.Name)}
	if g := groups.with(2, a.gid); g != nil {
		a.group = g[0]
	}
	a.homeless = u.ManageHome && p.lacksHome(cmp.Or(u.Home, a.home))
	shadows, err := p.table(ctx, shadowFile)
	if err != nil {
		return nil, nil, err
	}
	if line, err = shadows.entry(shadowFile, u.Name, 8); line != nil {
		a.hash, a.expiry, a.shadow = line[1], line[7], true
	}
	return a, groups, err
}

// lacksHome reports whether a home folder has to be made. Some names say that there is to be
// none.
func (p user) lacksHome(home string) bool {
	return home != "" && home != "/" && home != "/nonexistent" && home != "/dev/null" && !p.exists(home)
}

// ownsHome reports whether a user's home folder belongs to that user alone, so that it may be
// moved or removed. Users of services often have / or /usr/sbin as their home.
func (p user) ownsHome(a *account) bool {
	info, err := os.Lstat(filepath.Join("/", p.Root, a.home))
	if err != nil || !info.IsDir() || catalog.Protected(path.Clean(a.home)) {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && strconv.FormatUint(uint64(st.Uid), 10) == a.uid
}

// exists reports whether a path of the host is there. Below a root, a link may lead out of it,
// so it counts itself.
func (h Host) exists(name string) bool {
	look := os.Stat
	if h.Root != "" {
		look = os.Lstat
	}
	_, err := look(filepath.Join("/", h.Root, name))
	return err == nil
}

func (p user) Check(ctx context.Context, r *catalog.Resource) ([]string, error) {
	u := r.User
	a, groups, err := p.account(ctx, u)
	switch {
	case err != nil:
		return nil, err
	case u.Ensure == catalog.Absent && a == nil:
		return nil, nil
	case u.Ensure == catalog.Absent && u.RemoveHome:
		return []string{"removed, with " + a.home}, p.removable(a)
	case u.Ensure == catalog.Absent:
		return []string{"removed"}, nil
	}
	if u.Password == catalog.Masked {
		return nil, errors.New("its password is masked in this catalog, which is for people to read")
	}
	if err := p.wanting(u, groups); err != nil {
		return nil, err
	}
	if a == nil {
		return []string{"made"}, p.elsewhere(ctx, "passwd", u.Name)
	}
	if (u.Password != "" || u.Locked != nil || u.Expiry != "") && !a.shadow {
		return nil, fmt.Errorf("it has no line in %s: run pwconv(8)", shadowFile)
	}
	return a.differs(u), nil
}

// wanting says what a user needs and the host lacks: a group, or its shell.
func (p user) wanting(u *catalog.User, groups table) error {
	for _, g := range append([]string{u.Group}, u.Groups...) {
		if g == "" {
			continue
		}
		if _, err := groups.groupNumber(g); err != nil {
			return err
		}
	}
	if u.Shell != "" && !p.exists(u.Shell) {
		return &Missing{Err: fmt.Errorf("there is no shell %s: declare the package that brings it", u.Shell), By: []string{catalog.ID(catalog.KindFile, u.Shell)}}
	}
	return nil
}

// differs lists the differences of an account from a declaration.
func (a *account) differs(u *catalog.User) (out []string) {
	change := func(what, now, want string) {
		if now != want {
			out = append(out, fmt.Sprintf("%s %s → %s", what, cmp.Or(now, `""`), cmp.Or(want, `""`)))
		}
	}
	if u.UID != nil {
		change("uid", a.uid, strconv.Itoa(*u.UID))
	}
	if u.Group != "" {
		change("group", a.group, u.Group)
	}
	if u.Groups != nil {
		if text := groupChanges(a.groups, a.wantedGroups(u)); text != "" {
			out = append(out, "groups: "+text)
		}
	}
	if u.Comment != nil {
		change("comment", a.comment, *u.Comment)
	}
	if u.Home != "" {
		change("home", a.home, u.Home)
	}
	if a.homeless && (u.Home == "" || u.Home == a.home) { // otherwise it moves
		out = append(out, "home folder made")
	}
	if u.Shell != "" {
		change("shell", a.shell, u.Shell)
	}
	if u.Expiry != "" {
		change("expiry", dayOf(a.expiry), u.Expiry)
	}
	hash := a.wantedHash(u)
	wasLocked, locked := strings.HasPrefix(a.hash, "!"), strings.HasPrefix(hash, "!")
	if bare(hash) != bare(a.hash) && u.Password != "" {
		out = append(out, catalog.PasswordChanged)
	}
	switch {
	case u.Locked == nil || wasLocked == locked:
	case locked:
		out = append(out, "locked")
	default:
		out = append(out, "unlocked")
	}
	return out
}

// wantedGroups are the supplementary groups that a user is to have.
func (a *account) wantedGroups(u *catalog.User) []string {
	groups := slices.Clone(u.Groups)
	if u.Membership == catalog.Minimum {
		groups = append(groups, a.groups...)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

func groupChanges(now, want []string) string {
	without := func(all, some []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(g string) bool { return slices.Contains(some, g) })
	}
	var parts []string
	if added := without(want, now); len(added) > 0 {
		parts = append(parts, "adds "+strings.Join(added, ", "))
	}
	if gone := without(now, want); len(gone) > 0 {
		parts = append(parts, "removes "+strings.Join(gone, ", "))
	}
	return strings.Join(parts, ", ")
}

// wantedHash is the second field of shadow(5) that a user is to have. A lock that nothing is
// declared of stays, but that of a user who never had a password.
func (a *account) wantedHash(u *catalog.User) string {
	hash, locked := cmp.Or(u.Password, bare(a.hash)), strings.HasPrefix(a.hash, "!") && bare(a.hash) != ""
	if u.Password == "" {
		locked = strings.HasPrefix(a.hash, "!")
	}
	if u.Locked != nil {
		locked = *u.Locked
	}
	switch {
	case locked:
		return "!" + hash
	case hash == "" && a.hash != "": // unlocked without a password: an empty field lets anybody in
		return "*"
	}
	return hash
}

func bare(hash string) string { return strings.TrimLeft(hash, "!") }

// dayOf is a day of shadow(5), days since 1970, as catalogs have it.
func dayOf(days string) string {
	n, err := strconv.Atoi(days)
	if err != nil || n < 0 {
		return catalog.Never
	}
	return time.Unix(0, 0).UTC().AddDate(0, 0, n).Format(time.DateOnly)
}

func (p user) Apply(ctx context.Context, r *catalog.Resource) error {
	u := r.User
	a, groups, err := p.account(ctx, u)
	if err != nil {
		return err
	}
	if u.Ensure == catalog.Absent {
		return p.remove(ctx, u, a)
	}
	if a == nil {
		if err := p.shadowTool(ctx, addArgs(u, groups)...); err != nil {
			return err
		}
		if a, _, err = p.account(ctx, u); err == nil && a == nil {
			err = errors.New("useradd has made no line in " + passwdFile)
		}
		if err != nil {
			return err
		}
	}
	if args := p.modArgs(u, a); len(args) > 0 {
		if err := p.shadowTool(ctx, append(append([]string{"usermod"}, args...), "--", u.Name)...); err != nil {
			return err
		}
	}
	if u.ManageHome && p.lacksHome(cmp.Or(u.Home, a.home)) {
		if _, err := p.run(ctx, "mkhomedir_helper", u.Name); err != nil {
			return fmt.Errorf("making the home folder: %w (the package libpam-modules-bin on Debian, pam on Red Hat, has mkhomedir_helper)", err)
		}
	}
	if hash := a.wantedHash(u); hash != a.hash && (u.Password != "" || u.Locked != nil) {
		return p.setHash(ctx, u.Name, hash)
	}
	return nil
}

func (p user) remove(ctx context.Context, u *catalog.User, a *account) error {
	args := []string{"userdel"}
	if u.RemoveHome {
		if err := p.removable(a); err != nil {
			return err
		}
		args = append(args, "--remove")
	}
	return p.shadowTool(ctx, append(args, "--", u.Name)...)
}

// removable returns an error if a user's home folder can't go along with the user.
func (p user) removable(a *account) error {
	if a != nil && (a.home == "" || p.exists(a.home) && !p.ownsHome(a)) {
		return fmt.Errorf("its home folder is %q, which the system needs or another user owns: take remove_home out", a.home)
	}
	return nil
}

// addArgs is the command that makes a user.
func addArgs(u *catalog.User, groups table) []string {
	args := []string{"useradd", "--no-create-home"}
	if u.ManageHome {
		args[1] = "--create-home"
	}
	if u.System {
		args = append(args, "--system")
	}
	if u.UID != nil {
		args = append(args, "--uid", strconv.Itoa(*u.UID))
	}
	switch {
	case u.Group != "":
		args = append(args, "--gid", u.Group)
	case groups.named(u.Name) != nil: // useradd refuses to make it otherwise
		args = append(args, "--gid", u.Name)
	}
	if len(u.Groups) > 0 {
		args = append(args, "--groups", strings.Join(u.Groups, ","))
	}
	if u.Comment != nil {
		args = append(args, "--comment", *u.Comment)
	}
	if u.Home != "" {
		args = append(args, "--home-dir", u.Home)
	}
	if u.Shell != "" {
		args = append(args, "--shell", u.Shell)
	}
	return append(args, "--", u.Name)
}

// modArgs are the arguments of usermod that change an account; none if it needs no change.
func (p user) modArgs(u *catalog.User, a *account) (args []string) {
	if u.UID != nil && a.uid != strconv.Itoa(*u.UID) {
		args = append(args, "--uid", strconv.Itoa(*u.UID))
	}
	if u.Group != "" && a.group != u.Group {
		args = append(args, "--gid", u.Group)
	}
	if want := a.wantedGroups(u); u.Groups != nil && groupChanges(a.groups, want) != "" {
		args = append(args, "--groups", strings.Join(want, ","))
	}
	if u.Comment != nil && a.comment != *u.Comment {
		args = append(args, "--comment", *u.Comment)
	}
	if u.Home != "" && a.home != u.Home {
		args = append(args, "--home", u.Home)
		if u.ManageHome && p.ownsHome(a) && !p.exists(u.Home) {
			args = append(args, "--move-home")
		}
	}
	if u.Shell != "" && a.shell != u.Shell {
		args = append(args, "--shell", u.Shell)
	}
	if u.Expiry != "" && dayOf(a.expiry) != u.Expiry {
		day := u.Expiry
		if day == catalog.Never {
			day = ""
		}
		args = append(args, "--expiredate", day)
	}
	return args
}

// setHash puts a hash into /etc/shadow. It goes to chpasswd(8) over a pipe: any user may read
// the arguments of a process.
func (p user) setHash(ctx context.Context, name, hash string) error {
	out, err := p.Runner.Run(ctx, []string{"RACKHAND_USER=" + name, "RACKHAND_HASH=" + hash},
		"/bin/sh", "-ec", `printf '%s:%s\n' "$RACKHAND_USER" "$RACKHAND_HASH" | chpasswd -e`)
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("chpasswd ended with status %d", out.Code) // it may quote its input
	}
	return err
}
