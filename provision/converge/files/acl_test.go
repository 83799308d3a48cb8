package files

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// lists are the access list and the default list of a file, as the kernel has them.
func (f *host) lists(name string) string {
	f.t.Helper()
	fd, err := os.Open(filepath.Join(f.dir, name))
	if err != nil {
		f.t.Fatal(err)
	}
	defer fd.Close()
	var out []string
	for _, attribute := range []string{accessACL, defaultACL} {
		l, err := readACL(int(fd.Fd()), attribute)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, e := range l {
			out = append(out, (&wantACL{}).text(attribute, e))
		}
	}
	return strings.Join(out, " ")
}

func TestACL(t *testing.T) {
	f := newHost(t)
	f.write("root/etc/passwd", "root:x:0:0::/:/bin/sh\nwww:x:33:33::/:/bin/sh\nweb:x:33:33::/:/bin/sh\n")
	f.write("root/etc/group", "adm:x:4:\n")
	f.write("root/srv/x", "x")
	with := func(mode string, entries ...string) catalog.File {
		return catalog.File{Path: "/srv/x", Ensure: catalog.FileKind, Content: "x", Mode: mode, ACL: entries}
	}
	f.steps(
		step{"set", with("0640", "user:www:r-x", "g:adm:6"), "mode 0644 → 0640; acl adds user:www:r-x, group:adm:rw-, mask::rwx"},
		step{"held", with("0640", "user:www:r-x", "g:adm:6"), ""},
		step{"the mode alone", with("0600", "user:www:r-x", "g:adm:6"), "mode 0640 → 0600"},
		step{"no mode", with("", "user:www:r--", "g:adm:6"), "acl adds user:www:r--, mask::rw-; acl removes user:www:r-x, mask::rwx"},
		step{"a mask", with("", "u:www:r--", "g:adm:6", "m::r"), "acl adds mask::r--; acl removes mask::rw-"},
		step{"unknown user", with("", "u:nobody:r"), `error: acl: there is no "nobody" in /etc/passwd`},
		step{"one user twice", with("", "u:www:r", "u:web:w"), "error: acl: there are two entries for user:web:-w-"},
	)
	if got, want := f.lists("root/srv/x"), "user::rw- user:33:r-- group::--- group:4:rw- mask::r-- other::---"; got != want {
		t.Errorf("the list is %q, want %q", got, want)
	}
	if got := f.mode("root/srv/x"); got != 0o640 {
		t.Errorf("the mode shows %v, not the mask", got)
	}
	changed := with("")
	changed.ACL, changed.Content = nil, "longer"
	f.steps(step{"replaced", changed, "content changed, 1 → 6 bytes"})
	if got, want := f.lists("root/srv/x"), "user::rw- user:33:r-- group::--- group:4:rw- mask::r-- other::---"; got != want {
		t.Errorf("a list that isn't declared is lost: %q, want %q", got, want)
	}
	changed.ACL = []string{}
	f.steps(step{"none", changed, "acl removes user:33:r--, group:4:rw-, mask::r--"}, step{"held", changed, ""})
	if got := f.lists("root/srv/x"); got != "" || f.mode("root/srv/x") != 0o600 {
		t.Errorf("without entries: %q, mode %v", got, f.mode("root/srv/x"))
	}
	f.steps(step{"drift", changed, ""})
	f.setACL("root/srv/x", accessACL, acl{{catalog.ACLUser, 7, 1000}}.whole(0o600))
	f.steps(step{"drift", changed, "acl removes user:1000:rwx, mask::rwx"})
}

func (f *host) setACL(name, attribute string, l acl) {
	f.t.Helper()
	if err := unix.Setxattr(filepath.Join(f.dir, name), attribute, l.encode(), 0); err != nil {
		f.t.Fatal(err)
	}
}

func TestDefaultACL(t *testing.T) {
	f := newHost(t)
	f.write("root/srv/.keep", "")
	dir := func(mode string, entries ...string) catalog.File {
		return catalog.File{Path: "/srv/in", Ensure: catalog.Directory, Mode: mode, ACL: entries}
	}
	f.steps(
		step{"made", dir("2750", "default:user:33:rwx", "user:33:rwx"), "directory made"},
		step{"held", dir("2750", "default:user:33:rwx", "user:33:rwx"), ""},
	)
	if got, want := f.lists("root/srv/in"), "user::rwx user:33:rwx group::r-x mask::rwx other::--- "+
		"default:user::rwx default:user:33:rwx default:group::r-x default:mask::rwx default:other::---"; got != want {
		t.Errorf("the lists are\n%s, want\n%s", got, want)
	}
	// What is made in it inherits its list; what is replaced there keeps its own.
	f.steps(
		step{"inherited", catalog.File{Path: "/srv/in/x", Ensure: catalog.FileKind, Content: "x", Mode: "0640"}, "made, 1 bytes"},
	)
	if got, want := f.lists("root/srv/in/x"), "user::rw- user:33:rwx group::r-x mask::r-- other::---"; got != want {
		t.Errorf("the inherited list is %q, want %q", got, want)
	}
	f.write("root/srv/y", "y")
	if err := os.Rename(filepath.Join(f.dir, "root/srv/y"), filepath.Join(f.dir, "root/srv/in/y")); err != nil {
		t.Fatal(err)
	}
	f.steps(step{"replaced", catalog.File{Path: "/srv/in/y", Ensure: catalog.FileKind, Content: "new"}, "content changed, 1 → 3 bytes"})
	if got := f.lists("root/srv/in/y"); got != "" {
		t.Errorf("a file without a list got one: %q", got)
	}
	f.steps(
		step{"other base entries", dir("2750", "d:u:33:rwx", "d:g::rx", "d:o::rx", "d:u::7", "user:33:rwx"), "acl adds default:other::r-x; acl removes default:other::---"},
		step{"none", catalog.File{Path: "/srv/in", Ensure: catalog.Directory, ACL: []string{}}, "acl removes user:33:rwx, mask::rwx; acl removes default:user::rwx, default:user:33:rwx, default:group::r-x, default:mask::rwx, default:other::r-x"},
	)
	if got := f.mode("root/srv/in"); got != os.ModeDir|os.ModeSetgid|0o750 {
		t.Errorf("without lists the mode is %v", got)
	}
}

func FuzzDecodeACL(f *testing.F) {
	f.Add(minimal(0o640).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := decodeACL(b)
		if err == nil && !slices.Equal(l.encode(), b) {
			t.Errorf("%x became %x", b, l.encode())
		}
	})
}
