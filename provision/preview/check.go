package preview

import (
	"path/filepath"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/content"
	"rackhand/templates"
)

// Load reads an inventory with its roles and templates, and makes a dry run for every host.
// It drops warnings.
func Load(dir string) (*inventory.Snapshot, inventory.Problems) {
	c := Check(dir, nil)
	return c.Snapshot, c.Problems
}

// Checked is the result of checking an inventory.
type Checked struct {
	Snapshot *inventory.Snapshot // nil when there are problems; see Try
	Problems inventory.Problems
	// Warnings point at things that are allowed, and surely not meant. The list is empty
	// while the inventory itself has problems.
	Warnings inventory.Problems
	// Roles are the roles that the snapshot's catalogs are made of.
	Roles *Roles
	wants []wants
}

// Check is Load with warnings. With the supplies of an appliance (or nil) it also reports
// what the appliance lacks for these hosts. `rackhand check` and a running appliance report
// the same.
func Check(dir string, supplies *Supplies) Checked {
	c := Try(dir, supplies, nil)
	problems, warnings := supplies.lacks(c.wants)
	if len(c.Problems) > 0 {
		c.Snapshot = nil
	}
	c.Problems, c.Warnings = append(c.Problems, problems...), append(c.Warnings, warnings...)
	return c
}

// Try is Check without what the appliance lacks: an inventory is accepted before its image is
// built. It is also accepted with broken roles: there is a Snapshot if all Problems are those
// of roles. Contents of files go into the store, if it is not nil.
func Try(dir string, supplies *Supplies, store *content.Store) Checked {
	roles, broken := role.Load(filepath.Join(dir, "roles"))
	snap, problems := inventory.Load(dir, inventory.Options{Roles: roles.Names(), Templates: hasTemplate(dir), Appliance: supplies.addresses()})
	if snap == nil {
		return Checked{Problems: append(problems, broken...)}
	}
	c := Checked{Snapshot: snap, Roles: newRoles(dir, snap, roles, store)}
	t := dryRunHosts(snap, c.Roles, supplies.facts)
	c.Problems, c.Warnings, c.wants = t.problems, t.warnings, t.wants
	if len(c.Problems) > 0 {
		c.Snapshot = nil
	}
	c.Roles.Problems = append(broken, t.roles...)
	c.Problems = append(c.Problems, c.Roles.Problems...)
	return c
}

func hasTemplate(dir string) func(string) bool {
	return templates.New(filepath.Join(dir, "templates")).Has
}
