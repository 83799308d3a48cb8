package appliance

import (
	"path/filepath"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
	"rackhand/templates"
)

func hasTemplate(dir string) func(string) bool {
	return templates.New(filepath.Join(dir, "templates")).Has
}

// compile makes a host's catalog and checks. The roles are read anew: the watcher
// has checked them, and a catalog is asked for a few times an hour.
func (a *Appliance) compile(h *inventory.Host) (*role.Compiled, error) {
	if h.Role == "" {
		version, err := catalog.Version(nil)
		return &role.Compiled{Catalog: catalog.Catalog{Host: h.Name, Version: version}}, err
	}
	set, problems := role.Load(filepath.Join(a.cfg.Inventory, "roles"))
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return set.Compile(h.Role, role.Input{
		Host: h, Appliance: a.urls.URL, ReadFile: a.set.Read, Secret: a.secrets.Get,
		Render: func(name string, data any, secret func(string) (string, error)) (string, error) {
			return a.set.Render(name, data, templates.Funcs(h, secret))
		},
	})
}
