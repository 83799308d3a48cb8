package preview

import (
	"path/filepath"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/inventory/role/roletest"
	"rackhand/templates"
)

// TestRoles runs the tests of an inventory's roles, roles/*.test.yaml, with stand-ins for
// secrets. Roles with problems aren't tested: Check reports those.
func TestRoles(dir string) (tests int, problems inventory.Problems) {
	set, _ := role.Load(filepath.Join(dir, "roles"))
	r := newRoles(dir, nil, set, nil)
	base := role.Input{Appliance: standInAppliance, Source: r.source, Secret: roletest.StandIn}
	base.Render = func(name string, data any, secret func(string) (string, error)) (string, error) {
		h := data.(role.Data).Host
		return r.templates.Render(name, data, templates.Funcs(h, secret))
	}
	return roletest.Run(filepath.Join(dir, "roles"), set, base)
}
