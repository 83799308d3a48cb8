package provider

import (
	"context"
	"fmt"
	"strconv"

	"rackhand/provision/catalog"
)

// group brings groups about by groupadd(8), groupmod(8) and groupdel(8).
type group struct{ Host }

func (p group) Check(ctx context.Context, r *catalog.Resource) ([]string, error) {
	g := r.Group
	groups, err := p.table(ctx, groupFile)
	if err != nil {
		return nil, err
	}
	line, err := groups.entry(groupFile, g.Name, 3)
	if err != nil {
		return nil, err
	}
	if g.Ensure == catalog.Absent {
		if line == nil {
			return nil, nil
		}
		users, err := p.table(ctx, passwdFile)
		if first := users.with(3, line[2]); err == nil && first != nil {
			err = &Missing{Err: fmt.Errorf("it is the primary group of the user %s: give that one another group, or remove it, first", first[0]), By: []string{catalog.ID(catalog.KindUser, first[0])}}
		}
		return []string{"removed"}, err
	}
	if g.GID != nil && (line == nil || line[2] != strconv.Itoa(*g.GID)) {
		if other := groups.with(2, strconv.Itoa(*g.GID)); other != nil {
			return nil, &Missing{Err: fmt.Errorf("the gid %d belongs to the group %s", *g.GID, other[0]), By: []string{catalog.ID(catalog.KindGroup, other[0])}}
		}
	}
	switch {
	case line == nil:
		return []string{"made"}, p.elsewhere(ctx, "group", g.Name)
	case g.GID != nil && line[2] != strconv.Itoa(*g.GID):
		return []string{fmt.Sprintf("gid %s → %d", line[2], *g.GID)}, nil
	}
	return nil, nil
}

func (p group) Apply(ctx context.Context, r *catalog.Resource) error {
	g := r.Group
	groups, err := p.table(ctx, groupFile)
	if err != nil {
		return err
	}
	if g.Ensure == catalog.Absent {
		return p.shadowTool(ctx, "groupdel", "--", g.Name)
	}
	there := groups.named(g.Name) != nil
	args := []string{"groupadd"}
	if there {
		args = []string{"groupmod"}
	}
	if g.GID != nil {
		args = append(args, "--gid", strconv.Itoa(*g.GID))
	}
	if g.System && !there {
		args = append(args, "--system")
	}
	return p.shadowTool(ctx, append(args, "--", g.Name)...)
}
