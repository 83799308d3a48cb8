package appliance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision"
)

// loadInventory reads the inventory for the first time. An appliance starts with
// a broken one as well: it says so and goes on with the last good one.
func (a *Appliance) loadInventory() error {
	if _, err := os.Stat(a.cfg.Inventory); err != nil {
		return fmt.Errorf("the inventory's folder: %w", err)
	}
	// The last good one, else an empty one: there is always a snapshot to decide from.
	a.holder = &inventory.Holder{}
	last, err := loadGood(a.goodFile())
	if err != nil {
		a.Log.Error("the copy of the last good inventory", "error", err)
	}
	if last == nil {
		last = &inventory.Snapshot{}
	}
	last.Dir = a.cfg.Inventory
	a.holder.Put(last, nil)
	snap, problems := Load(a.cfg.Inventory)
	a.holder.Put(snap, problems)
	if len(problems) == 0 {
		a.keepGood()
	}
	a.watcher = &inventory.Watcher{
		Dir: a.cfg.Inventory, Log: a.Log, OnLoad: a.inventoryLoaded,
		Load: func() (*inventory.Snapshot, inventory.Problems) { return Load(a.cfg.Inventory) },
	}
	return nil
}

func (a *Appliance) goodFile() string { return filepath.Join(a.cfg.State, "inventory.good.json") }

func (a *Appliance) keepGood() {
	if err := keepGood(a.cfg.Inventory, a.goodFile()); err != nil {
		a.Log.Error("keeping a copy of the inventory", "error", err)
	}
}

// inventoryLoaded takes a snapshot in, or keeps the last good one.
func (a *Appliance) inventoryLoaded(snap *inventory.Snapshot, problems inventory.Problems) {
	changes := a.holder.Put(snap, problems)
	if len(problems) == 0 {
		a.keepGood()
	}
	e := provision.Event{Source: "inventory", Kind: "inventory-loaded"}
	switch {
	case len(problems) > 0:
		e.Kind, e.Level = "inventory-broken", provision.LevelError
		e.Message = fmt.Sprintf("problems of the inventory: %d, the first at %s; the last good one stays in force", len(problems), problems[0].Place())
	case len(changes) == 0:
		return
	default:
		var names []string
		for _, c := range changes {
			names = append(names, c.Host)
		}
		e.Message = "the inventory was loaded; changed: " + strings.Join(names, ", ")
	}
	if err := a.journal.Record(e); err != nil {
		a.Log.Error("recording the inventory's load", "error", err)
	}
}

// Load reads an inventory with all that hangs on it, roles and templates too, and
// tries them out for every host. It is what `rackhand check` runs.
func Load(dir string) (*inventory.Snapshot, inventory.Problems) {
	roles, problems := role.Load(filepath.Join(dir, "roles"))
	names := roles.Names()
	snap, more := inventory.Load(dir, inventory.Options{Roles: names, Templates: hasTemplate(dir)})
	problems = append(more, problems...)
	if len(problems) == 0 {
		problems = tryHosts(dir, snap, roles)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return snap, nil
}
