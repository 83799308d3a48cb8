package provider

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// TestUserDiffers: what is said of an account that differs, and how usermod is called.
func TestUserDiffers(t *testing.T) {
	text := func(s string) *string { return &s }
	uid, locked, unlocked := 1200, true, false
	now := account{uid: "1000", gid: "100", group: "users", comment: "Ada", home: "/home/ada", shell: "/bin/sh", groups: []string{"adm", "sudo"}, hash: "$6$a$old", expiry: "", shadow: true}
	with := func(change func(*account)) account { a := now; change(&a); return a }
	for name, tc := range map[string]struct {
		now           account
		want          catalog.User
		differs, args string
	}{
		"nothing declared":   {now, catalog.User{}, "", ""},
		"all as declared":    {now, catalog.User{Group: "users", Groups: []string{"sudo", "adm"}, Comment: text("Ada"), Home: "/home/ada", Shell: "/bin/sh", Expiry: "never", Password: "$6$a$old", Locked: &unlocked}, "", ""},
		"all differs":        {now, catalog.User{UID: &uid, Group: "ada", Comment: text(""), Home: "/srv/ada", Shell: "/bin/bash", Expiry: "2030-01-31"}, `uid 1000 → 1200; group users → ada; comment Ada → ""; home /home/ada → /srv/ada; shell /bin/sh → /bin/bash; expiry never → 2030-01-31`, "--uid 1200 --gid ada --comment  --home /srv/ada --shell /bin/bash --expiredate 2030-01-31"},
		"expiry ends":        {with(func(a *account) { a.expiry = "21945" }), catalog.User{Expiry: "never"}, "expiry 2030-01-31 → never", "--expiredate "},
		"put into a group":   {now, catalog.User{Groups: []string{"adm"}}, "groups: removes sudo", "--groups adm"},
		"a minimum":          {now, catalog.User{Groups: []string{"adm"}, Membership: catalog.Minimum}, "", ""},
		"more than that":     {now, catalog.User{Groups: []string{"web"}, Membership: catalog.Minimum}, "groups: adds web", "--groups adm,sudo,web"},
		"instead":            {now, catalog.User{Groups: []string{"web"}}, "groups: adds web, removes adm, sudo", "--groups web"},
		"no group":           {now, catalog.User{Groups: []string{}}, "groups: removes adm, sudo", "--groups "},
		"password":           {now, catalog.User{Password: "$6$a$new"}, "password changed", ""},
		"first password":     {with(func(a *account) { a.hash = "!" }), catalog.User{Password: "$6$a$new"}, "password changed", ""},
		"locked by hand":     {with(func(a *account) { a.hash = "!$6$a$old" }), catalog.User{Password: "$6$a$old"}, "", ""},
		"to be locked":       {now, catalog.User{Locked: &locked}, "locked", ""},
		"to be unlocked":     {with(func(a *account) { a.hash = "!$6$a$old" }), catalog.User{Locked: &unlocked}, "unlocked", ""},
		"without a password": {with(func(a *account) { a.hash = "!" }), catalog.User{Locked: &unlocked}, "unlocked", ""},
		"home is gone":       {with(func(a *account) { a.homeless = true }), catalog.User{ManageHome: true}, "home folder made", ""},
	} {
		tc.want.Name = "ada"
		if got := strings.Join(tc.now.differs(&tc.want), "; "); got != tc.differs {
			t.Errorf("%s: %q, want %q", name, got, tc.differs)
		}
		if got := strings.Join((user{Host{Root: t.TempDir()}}).modArgs(&tc.want, &tc.now), " "); got != tc.args {
			t.Errorf("%s: usermod %q, want %q", name, got, tc.args)
		}
	}
}

// TestWantedHash: a lock stays unless something else is declared, and no hash becomes an empty
// one.
func TestWantedHash(t *testing.T) {
	yes, no := true, false
	for _, tc := range []struct {
		now, declared string
		locked        *bool
		want          string
	}{
		{"$6$a", "", nil, "$6$a"},
		{"!$6$a", "", nil, "!$6$a"},
		{"!$6$a", "$6$b", nil, "!$6$b"},
		{"!", "$6$b", nil, "$6$b"},
		{"!!", "$6$b", nil, "$6$b"},
		{"!", "$6$b", &yes, "!$6$b"},
		{"$6$a", "", &yes, "!$6$a"},
		{"!$6$a", "", &no, "$6$a"},
		{"!", "", &no, "*"},
		{"!!", "", &no, "*"},
		{"*", "", &yes, "!*"},
		{"!*", "", &no, "*"},
		{"!", "", nil, "!"},
		{"*", "", nil, "*"},
	} {
		a := account{hash: tc.now}
		if got := a.wantedHash(&catalog.User{Password: tc.declared, Locked: tc.locked}); got != tc.want {
			t.Errorf("%q with %q, locked %v: %q, want %q", tc.now, tc.declared, tc.locked, got, tc.want)
		}
	}
}

// TestHomeOfTheSystem: a folder of the system, or of another user, isn't moved and isn't
// removed along with a user of whom it is the home.
func TestHomeOfTheSystem(t *testing.T) {
	root, me := t.TempDir(), strconv.Itoa(os.Geteuid())
	for _, dir := range []string{"home/ada", "usr/sbin", "srv/link"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/usr/sbin", filepath.Join(root, "home/link")); err != nil {
		t.Fatal(err)
	}
	p := user{Host{Root: root}}
	for _, tc := range []struct {
		home, uid string
		owns      bool
	}{
		{"/home/ada", me, true},
		{"/home/ada", me + "1", false},
		{"/", me, false},
		{"/usr/sbin", me, false},
		{"/usr/sbin/", me, false},
		{"/home/link", me, false},
		{"/none", me, false},
	} {
		a := account{home: tc.home, uid: tc.uid}
		moves := strings.Contains(strings.Join(p.modArgs(&catalog.User{Name: "ada", Home: "/home/new", ManageHome: true}, &a), " "), "--move-home")
		if moves != tc.owns {
			t.Errorf("%s of %s: moved %v", tc.home, tc.uid, moves)
		}
		if tc.owns || tc.home == "/none" {
			continue
		}
		if err := p.remove(t.Context(), &catalog.User{Name: "ada", RemoveHome: true}, &a); err == nil || !strings.Contains(err.Error(), "remove_home") {
			t.Errorf("%s of %s: removed: %v", tc.home, tc.uid, err)
		}
	}
}

func TestAddArgs(t *testing.T) {
	groups := table{{"root", "x", "0", ""}, {"ada", "x", "1200", "bob,ada"}}
	for _, tc := range []struct {
		user catalog.User
		want string
	}{
		{catalog.User{Name: "bob", ManageHome: true}, "useradd --create-home -- bob"},
		{catalog.User{Name: "ada", System: true, Groups: []string{"a", "b"}}, "useradd --no-create-home --system --gid ada --groups a,b -- ada"},
		{catalog.User{Name: "ada", Group: "root", Home: "/srv", Shell: "/bin/sh"}, "useradd --no-create-home --gid root --home-dir /srv --shell /bin/sh -- ada"},
	} {
		if got := strings.Join(addArgs(&tc.user, groups), " "); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
	if got := groups.groupsOf("ada"); len(got) != 1 || got[0] != "ada" {
		t.Errorf("groups %q", got)
	}
}
