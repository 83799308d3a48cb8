package provider

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"rackhand/provision/catalog"
)

// group brings groups about by groupadd(8), groupmod(8) and groupdel(8).
type group struct{ Host }

// maxAccounts bounds /etc/passwd, /etc/group and /etc/shadow, in bytes.
const maxAccounts = 16 << 20

// entry finds the fields of a name in a file such as /etc/group; nil if it isn't there.
func (h Host) entry(ctx context.Context, file, name string) ([]string, error) {
	b, _, err := h.Files.Read(ctx, file, maxAccounts)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Split(strings.TrimSuffix(line, "\n"), ":"); fields[0] == name {
			return fields, nil
		}
	}
	return nil, nil
}

func (p group) Check(ctx context.Context, r *catalog.Resource) ([]string, error) {
	g := r.Group
	fields, err := p.entry(ctx, "/etc/group", g.Name)
	switch {
	case err != nil:
		return nil, err
	case fields == nil && g.Ensure == catalog.Absent:
		return nil, nil
	case fields == nil:
		return []string{"made"}, nil
	case g.Ensure == catalog.Absent:
		return []string{"removed"}, nil
	case len(fields) < 3:
		return nil, fmt.Errorf("the line of %s in /etc/group has %d fields: mend it by hand", g.Name, len(fields))
	case g.GID != nil && fields[2] != strconv.Itoa(*g.GID):
		return []string{fmt.Sprintf("gid %s → %d", fields[2], *g.GID)}, nil
	}
	return nil, nil
}

func (p group) Apply(ctx context.Context, r *catalog.Resource) error {
	g := r.Group
	fields, err := p.entry(ctx, "/etc/group", g.Name)
	if err != nil {
		return err
	}
	if g.Ensure == catalog.Absent {
		_, err := p.run(ctx, "groupdel", g.Name)
		return err
	}
	args := []string{"groupadd"}
	if fields != nil {
		args = []string{"groupmod"}
	}
	if g.GID != nil {
		args = append(args, "--gid", strconv.Itoa(*g.GID))
	}
	if g.System && fields == nil {
		args = append(args, "--system")
	}
	_, err = p.run(ctx, append(args, "--", g.Name)...)
	return err
}
