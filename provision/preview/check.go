package preview

import (
	"path/filepath"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/content"
	"rackhand/templates"
)

// Load reads an inventory with all that hangs on it, roles and templates too, and
// tries them out for every host. Warnings are not told.
func Load(dir string) (*inventory.Snapshot, inventory.Problems) {
	c := Check(dir, nil)
	return c.Snapshot, c.Problems
}

// Checked is what there is to say about an inventory.
type Checked struct {
	Snapshot *inventory.Snapshot // nil when there are problems; see Try
	Problems inventory.Problems
	// Warnings are accepted, and surely not meant. There are none while the
	// inventory itself has problems.
	Warnings inventory.Problems
	// Roles are what the snapshot's catalogs are made of.
	Roles *Roles
	wants []wants
}

// Check is Load with all that it has to say. With an appliance at hand (nil for none)
// that is also what it lacks for these hosts: see [Supplies]. `rackhand check` and a running
// appliance say the same.
func Check(dir string, supplies *Supplies) Checked {
	c := Try(dir, supplies, nil)
	problems, warnings := supplies.lacks(c.wants)
	if len(c.Problems) > 0 {
		c.Snapshot = nil
	}
	c.Problems, c.Warnings = append(c.Problems, problems...), append(c.Warnings, warnings...)
	return c
}

// Try is Check without what the appliance lacks: whether an inventory is taken
// in doesn't hang on an image that has yet to be built. It doesn't hang on a broken role
// either: there is a Snapshot when all Problems are those of roles. Contents of files go into
// the store, if there is one.
func Try(dir string, supplies *Supplies, store *content.Store) Checked {
	roles, broken := role.Load(filepath.Join(dir, "roles"))
	snap, problems := inventory.Load(dir, inventory.Options{Roles: roles.Names(), Templates: hasTemplate(dir), Appliance: supplies.addresses()})
	if snap == nil {
		return Checked{Problems: append(problems, broken...)}
	}
	c := Checked{Snapshot: snap, Roles: newRoles(dir, roles, store)}
	t := dryRunHosts(snap, c.Roles)
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
