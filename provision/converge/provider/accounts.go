package provider

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"rackhand/provision/catalog"
)

// The files of accounts: passwd(5), group(5), shadow(5). A static program has no
// nsswitch(5), and the tools of shadow change these files alone.
const (
	passwdFile = "/etc/passwd"
	groupFile  = "/etc/group"
	shadowFile = "/etc/shadow"

	// maxAccounts bounds each of them, in bytes.
	maxAccounts = 16 << 20
)

// A table is the lines of such a file, by their fields.
type table [][]string

func (h Host) table(ctx context.Context, file string) (t table, err error) {
	b, _, err := h.Files.Read(ctx, file, maxAccounts)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		t = append(t, strings.Split(strings.TrimSuffix(line, "\n"), ":"))
	}
	return t, nil
}

// named finds a line by its first field; nil without one.
func (t table) named(name string) []string { return t.with(0, name) }

// with finds a line by a field; nil without one.
func (t table) with(field int, value string) []string {
	for _, line := range t {
		if len(line) > field && line[field] == value {
			return line
		}
	}
	return nil
}

// entry finds a line by its name, which must have at least so many fields; nil without
// one.
func (t table) entry(file, name string, fields int) ([]string, error) {
	line := t.named(name)
	if line != nil && len(line) < fields {
		return nil, fmt.Errorf("the line of %s in %s has %d fields, not %d: mend it by hand", name, file, len(line), fields)
	}
	return line, nil
}

// groupsOf are the groups that list a user as their member.
func (t table) groupsOf(user string) (groups []string) {
	for _, line := range t {
		if len(line) > 3 && slices.Contains(strings.Split(line[3], ","), user) {
			groups = append(groups, line[0])
		}
	}
	return groups
}

// shadowTool runs a program of the shadow suite.
func (h Host) shadowTool(ctx context.Context, args ...string) error {
	out, err := h.Runner.Run(ctx, nil, args...)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: install the package passwd (Debian) or shadow-utils (Red Hat)", err)
	case err != nil:
		return err
	case out.Code == 8: // usermod(8), userdel(8)
		return fmt.Errorf("%s: %s: the user is logged in, or has processes: end them first", args[0], out.Explain())
	case out.Code != 0:
		return fmt.Errorf("%s: %s", args[0], out.Explain())
	}
	return nil
}

// elsewhere returns an error if an account that isn't in its file comes from another source,
// such as LDAP.
func (h Host) elsewhere(ctx context.Context, database, name string) error {
	out, err := h.Runner.Run(ctx, nil, "getent", database, name)
	if err != nil || out.Code != 0 || strings.TrimSpace(out.Stdout) == "" {
		return nil // without getent there is no other source to ask
	}
	return fmt.Errorf("%s isn't in /etc/%s, but the system knows it from another source (nsswitch.conf): it can't be managed here", name, database)
}

// groupNumber is the GID of a group; a *Missing without it.
func (t table) groupNumber(name string) (string, error) {
	line, err := t.entry(groupFile, name, 3)
	if err != nil {
		return "", err
	}
	if line == nil {
		return "", &Missing{Err: fmt.Errorf("there is no group %s in %s: declare %s", name, groupFile, catalog.ID(catalog.KindGroup, name)), By: []string{catalog.ID(catalog.KindGroup, name)}}
	}
	return line[2], nil
}
