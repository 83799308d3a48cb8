package provider

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// etc are the files of a host that has no others.
type etc struct {
	Files // of which Read alone is used
	text  map[string]string
}

func (e etc) Read(_ context.Context, path string, _ int64) ([]byte, bool, error) {
	text, ok := e.text[path]
	return []byte(text), ok, nil
}

// programs answer for those that are run; others aren't there.
type programs map[string]command.Output

func (p programs) Run(_ context.Context, _ []string, args ...string) (command.Output, error) {
	out, ok := p[strings.Join(args, " ")]
	if !ok {
		return out, fmt.Errorf("cannot run %s: %w", args[0], &exec.Error{Name: args[0], Err: exec.ErrNotFound})
	}
	return out, nil
}

// TestAccountsElsewhere: an account of LDAP isn't made a second time; without getent there is
// no other source.
func TestAccountsElsewhere(t *testing.T) {
	files := etc{text: map[string]string{passwdFile: "root:x:0:0:root:/root:/bin/sh\nbad:x\n", groupFile: "root:x:0:\nbad\n"}}
	ldap := programs{"getent passwd ann": {Stdout: "ann:*:9000:9000::/home/ann:/bin/sh\n"}, "getent group crew": {Stdout: "crew:*:9000:\n"}, "getent passwd bob": {Code: 2}}
	for _, tc := range []struct {
		user, group string
		runner      programs
		want        string // part of the error; "" for none
	}{
		{"ann", "", ldap, "ann isn't in /etc/passwd, but the system knows it from another source"},
		{"", "crew", ldap, "crew isn't in /etc/group, but the system knows it"},
		{"bob", "", ldap, ""},
		{"ann", "", programs{}, ""},
		{"bad", "", ldap, "the line of bad in /etc/passwd has 2 fields, not 7: mend it by hand"},
		{"", "bad", ldap, "the line of bad in /etc/group has 1 fields, not 3"},
	} {
		h := Host{Files: files, Runner: tc.runner}
		var p Provider = user{h}
		r := &catalog.Resource{User: &catalog.User{Name: tc.user, Ensure: catalog.Present}}
		if tc.group != "" {
			p, r = group{h}, &catalog.Resource{Group: &catalog.Group{Name: tc.group, Ensure: catalog.Present}}
		}
		differs, err := p.Check(t.Context(), r)
		switch {
		case tc.want == "" && (err != nil || len(differs) != 1):
			t.Errorf("%s%s: %q, %v", tc.user, tc.group, differs, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s%s: %v, want %q", tc.user, tc.group, err, tc.want)
		}
	}
}

// TestShadowToolMissing: on a system without useradd, the error names the package that has it.
func TestShadowToolMissing(t *testing.T) {
	h := Host{Root: t.TempDir(), Files: etc{}, Runner: programs{}}
	err := user{h}.Apply(t.Context(), &catalog.Resource{User: &catalog.User{Name: "ann", Ensure: catalog.Present}})
	if err == nil || !strings.Contains(err.Error(), "install the package passwd (Debian) or shadow-utils (Red Hat)") {
		t.Error(err)
	}
}
