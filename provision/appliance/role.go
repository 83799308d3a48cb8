package appliance

import (
	"path/filepath"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
	"rackhand/provision/preview"
)

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
	secret := a.secrets.Get
	if a.web != nil {
		secret = a.web.Noting(h.Name, secret) // an agent may tell of what it writes
	}
	return preview.CompileRole(set, a.set, h, a.urls.URL, secret)
}
