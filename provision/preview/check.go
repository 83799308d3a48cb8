package preview

import (
	"path/filepath"

	"rackhand/inventory"
	"rackhand/inventory/role"
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
	Snapshot *inventory.Snapshot // nil when there are problems
	Problems inventory.Problems
	// Warnings are accepted, and surely not meant. There are none while the
	// inventory itself has problems.
	Warnings inventory.Problems
	wants    []wants
}

// Check is Load with all that it has to say. With an appliance at hand (nil for none)
// that is also what it lacks for these hosts: see [Supplies]. `rackhand check` and a running
// appliance say the same.
func Check(dir string, supplies *Supplies) Checked {
	c := Try(dir, supplies)
	problems, warnings := supplies.lacks(c.wants)
	c.Problems, c.Warnings = append(c.Problems, problems...), append(c.Warnings, warnings...)
	return c
}

// Try is Check without what the appliance lacks: whether an inventory is taken
// in doesn't hang on an image that has yet to be built.
func Try(dir string, supplies *Supplies) Checked {
	roles, problems := role.Load(filepath.Join(dir, "roles"))
	names := roles.Names()
	snap, more := inventory.Load(dir, inventory.Options{Roles: names, Templates: hasTemplate(dir), Appliance: supplies.addresses()})
	problems = append(more, problems...)
	if len(problems) > 0 {
		return Checked{Problems: problems}
	}
	t := dryRunHosts(dir, snap, roles)
	c := Checked{Snapshot: snap, Problems: t.problems, Warnings: t.warnings, wants: t.wants}
	if len(c.Problems) > 0 {
		c.Snapshot = nil
	}
	return c
}

func hasTemplate(dir string) func(string) bool {
	return templates.New(filepath.Join(dir, "templates")).Has
}
