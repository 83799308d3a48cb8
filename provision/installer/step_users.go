package installer

import (
	"context"
	"fmt"
	"os"
	"strings"

	"rackhand/provision/installer/plan"
)

func (m *machine) doUser(ctx context.Context, s plan.UserStep) error {
	var passwd, group []byte
	err := m.inRoot(func(root *os.Root) (err error) {
		if passwd, err = root.ReadFile("etc/passwd"); err != nil {
			return err
		}
		group, err = root.ReadFile("etc/group")
		return err
	})
	if err != nil {
		return err
	}
	m.Con.Printf("%s", s)
	for _, argv := range userCommands(s, string(passwd), string(group)) {
		if err := m.inTarget(ctx, "", argv...); err != nil {
			return fmt.Errorf("user %s: %w", s.Name, err)
		}
	}
	return nil
}

// userCommands returns the commands that make the user, given /etc/passwd and /etc/group. As
// with Anaconda, --gid without such a group makes a group with the user's name.
func userCommands(s plan.UserStep, passwd, group string) [][]string {
	var out [][]string
	groupadd := func(name, gid string) {
		argv := []string{"groupadd"}
		if gid != "" {
			argv = append(argv, "--gid", gid)
		}
		out = append(out, append(argv, "--", name))
	}
	if s.GID != "" && !hasEntry(group, 2, s.GID) {
		groupadd(s.Name, s.GID)
	}
	var groups []string
	for _, g := range s.Groups {
		name, gid, _ := strings.Cut(strings.TrimSuffix(g, ")"), "(")
		groups = append(groups, name)
		if !hasEntry(group, 0, name) {
			groupadd(name, gid)
		}
	}
	argv := []string{"useradd", "--create-home"}
	exists := hasEntry(passwd, 0, s.Name)
	if exists {
		argv = []string{"usermod", "--append"}
		if len(groups) == 0 {
			argv = argv[:1]
		}
		if s.Home != "" {
			argv = append(argv, "--move-home")
		}
	}
	n := len(argv)
	for _, o := range []struct{ option, value string }{
		{"--comment", s.Gecos},
		{"-d", s.Home}, // --home-dir of one, --home of the other
		{"--uid", s.UID},
		{"--gid", s.GID},
		{"--shell", s.Shell},
		{"--groups", strings.Join(groups, ",")},
	} {
		if o.value != "" {
			argv = append(argv, o.option, o.value)
		}
	}
	if exists && len(argv) == n {
		return out // nothing to change
	}
	return append(out, append(argv, "--", s.Name))
}

// hasEntry reports whether a file such as /etc/passwd has a line with this field.
func hasEntry(text string, field int, value string) bool {
	for line := range strings.Lines(text) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) > field && f[field] == value {
			return true
		}
	}
	return false
}

func (m *machine) doGroup(ctx context.Context, s plan.GroupStep) error {
	var group []byte
	if err := m.inRoot(func(root *os.Root) (err error) {
		group, err = root.ReadFile("etc/group")
		return err
	}); err != nil {
		return err
	}
	m.Con.Printf("%s", s)
	if argv := groupCommand(s, string(group)); argv != nil {
		return m.inTarget(ctx, "", argv...)
	}
	return nil
}

// groupCommand returns the command that makes the group, given /etc/group; nil if it exists.
func groupCommand(s plan.GroupStep, group string) []string {
	argv := []string{"groupadd"}
	if hasEntry(group, 0, s.Name) {
		if s.GID == "" {
			return nil
		}
		argv = []string{"groupmod"}
	}
	if s.GID != "" {
		argv = append(argv, "--gid", s.GID)
	}
	return append(argv, "--", s.Name)
}
