package appliance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/preview"
	"rackhand/provision/state"
)

// loadInventory reads the inventory for the first time. An appliance starts with a broken one
// as well: it reports that, and uses the last good one.
func (a *Appliance) loadInventory() error {
	if _, err := os.Stat(a.cfg.Inventory); err != nil {
		return fmt.Errorf("the inventory's folder: %w; `inventory:` in rackhand.yaml names it, `rackhand init` makes one", err)
	}
	// The last good one, or an empty one: there is always a snapshot for decisions.
	a.holder = &inventory.Holder{}
	last, roles, err := loadGood(a.goodFile(), a.contents)
	if err != nil {
		a.Log.Error("the copy of the last good inventory", "error", err)
	}
	if last == nil {
		last = &inventory.Snapshot{}
	}
	last.Dir = a.cfg.Inventory
	a.holder.Put(last, nil)
	if roles != nil {
		if err := a.catalogs.Put(last, roles); err != nil {
			a.Log.Error("contents that no role names any more", "error", err)
		}
	}
	snap, problems := a.load()
	a.holder.Put(snap, problems)
	if len(problems) == 0 {
		a.putInForce(snap)
	}
	a.watcher = &inventory.Watcher{
		Dir: a.cfg.Inventory, Log: a.Log, OnLoad: a.inventoryLoaded,
		Load: a.load,
	}
	return nil
}

// load reads the inventory as it is now, and keeps the needs of its hosts. Broken roles are
// not problems of the inventory: see putInForce.
func (a *Appliance) load() (*inventory.Snapshot, inventory.Problems) {
	c := preview.Try(a.cfg.Inventory, a.supply, a.contents)
	if c.Snapshot == nil {
		return nil, c.Problems
	}
	a.lacking.Put(c)
	a.loadedRoles = c.Roles
	return c.Snapshot, nil
}

// putInForce puts the roles of an accepted inventory in force. If all of them are in order, it
// keeps a copy of the inventory. Hosts of a broken role stay on its last good version.
func (a *Appliance) putInForce(snap *inventory.Snapshot) {
	roles := a.loadedRoles
	a.roles.Store(roles)
	if len(roles.Problems) == 0 {
		a.keepGood(snap, roles)
	}
	if err := a.catalogs.Put(snap, roles); err != nil {
		a.Log.Error("contents that no role names any more", "error", err)
	}
}

// rolesChanged records that roles broke, or are in order again.
func (a *Appliance) rolesChanged(before, now inventory.Problems) {
	e := provision.Event{Source: "inventory", Kind: "roles-broken", Level: provision.LevelError}
	switch {
	case len(now) > 0 && (len(before) == 0 || before[0] != now[0]):
		e.Message = fmt.Sprintf("problems of roles: %d, the first at %s: %s; hosts of a broken role stay on its last good version, others have the inventory as it is", len(now), now[0].Place(), now[0].Message)
	case len(now) == 0 && len(before) > 0:
		e.Kind, e.Level, e.Message = "roles-mended", "", "the roles have no problem any more"
	default:
		return
	}
	if err := a.journal.Record(e); err != nil {
		a.Log.Error("recording the roles' load", "error", err)
	}
}

// goodName is the copy of the last good inventory. A state folder has it only after an
// appliance has run.
const goodName = "inventory.good.json"

func (a *Appliance) goodFile() string { return filepath.Join(a.cfg.State, goodName) }

func (a *Appliance) keepGood(snap *inventory.Snapshot, roles *preview.Roles) {
	if err := keepGood(a.cfg.Inventory, a.goodFile(), snap.Authorities, roles.SourceSum); err != nil {
		a.Log.Error("keeping a copy of the inventory", "error", err)
	}
}

// inventoryLoaded puts a snapshot in force, or keeps the last good one.
func (a *Appliance) inventoryLoaded(snap *inventory.Snapshot, problems inventory.Problems) {
	if len(problems) == 0 {
		if err := a.installedBefore(context.Background(), snap, true); err != nil {
			a.Log.Error("marking hosts as installed before", "error", err)
			return // the last good inventory stays in force: with this one they would be armed
		}
	}
	changes := a.holder.Put(snap, problems)
	if len(problems) == 0 {
		a.putInForce(snap)
		a.rolesChanged(a.rolesReported, a.loadedRoles.Problems)
		a.rolesReported = a.loadedRoles.Problems
	}
	e := provision.Event{Source: "inventory", Kind: "inventory-loaded"}
	switch {
	case len(problems) > 0:
		e.Kind, e.Level = "inventory-broken", provision.LevelError
		e.Message = fmt.Sprintf("problems of the inventory: %d, the first at %s; the last good one stays in force", len(problems), problems[0].Place())
	case len(changes) == 0:
		return
	default:
		e.Message = loadedMessage(snap, changes)
	}
	if err := a.journal.Record(e); err != nil {
		a.Log.Error("recording the inventory's load", "error", err)
	}
}

// installedBefore marks the hosts of an inventory as installed before, when the database is a
// new one: since their history is gone, none may be armed automatically. whole: the inventory
// is complete, so hosts that are added later are new. An empty inventory doesn't count as
// complete: it may have been on the lost disk too, and come back after the database.
func (a *Appliance) installedBefore(ctx context.Context, snap *inventory.Snapshot, whole bool) error {
	pending, err := state.Pending(ctx, a.store)
	if err != nil || !pending {
		return err
	}
	hosts := make(map[string][]string)
	for name, h := range snap.Hosts {
		hosts[name] = h.MACTexts()
	}
	if err := a.journal.Before(hosts); err != nil || !whole {
		return err
	}
	if len(hosts) == 0 {
		a.Log.Warn("the database is a new one or was restored, and the inventory has no host: the next hosts that it has will count as installed before")
		return nil
	}
	if err := state.Settled(ctx, a.store, a.Clock()); err != nil {
		return err
	}
	return a.journal.Record(provision.Event{
		Source: "appliance", Kind: "database-anew", Level: provision.LevelWarn,
		Message: fmt.Sprintf("the database is a new one or was restored from a backup: the hosts of the inventory (%d) may be installed already, so none of them is armed automatically; `rackhand install HOST` arms one", len(hosts)),
	})
}

// maxListed is how many hosts, networks, or keys of one of them, an event names: one edit may
// change ten thousand.
const maxListed = 10

// loadedMessage lists the changes of a load. A network's change appears once, with the number
// of its hosts, and not again for each of them.
func loadedMessage(snap *inventory.Snapshot, changes []inventory.Change) string {
	in := make(map[string]int)
	for _, h := range snap.Hosts {
		in[h.Network.Name]++
	}
	var networks, hosts []string
	for _, c := range changes {
		if c.ByNetwork() {
			continue
		}
		for i, field := range c.Fields {
			// This key decides whether boxes get addresses at all, so its value is shown.
			if c.Network != "" && field == "dhcp" {
				c.Fields = slices.Clone(c.Fields)
				c.Fields[i] = "dhcp is now " + string(snap.Networks[c.Network].Mode())
			}
		}
		c.Fields = some(c.Fields, "keys")
		switch {
		case c.Network == "":
			hosts = append(hosts, c.String())
		case c.Kind == inventory.Removed:
			networks = append(networks, c.String())
		default:
			networks = append(networks, fmt.Sprintf("%s (its hosts: %d)", c, in[c.Network]))
		}
	}
	told := slices.Concat(some(networks, "networks"), some(hosts, "hosts"))
	return "the inventory was loaded; changed: " + strings.Join(told, "; ")
}

// some shortens a list to maxListed entries and the number of the others.
func some(list []string, what string) []string {
	if len(list) <= maxListed {
		return list
	}
	return append(slices.Clone(list[:maxListed]), fmt.Sprintf("and %d more %s", len(list)-maxListed, what))
}

// supplies returns the images, secrets and addresses of this appliance.
func (a *Appliance) supplies() *preview.Supplies {
	return &preview.Supplies{Addresses: a.addresses(), HasImage: a.handout.HasImage, Secret: a.secrets.Get, Mirrors: preview.MirrorNames(a.cfg), Facts: a.factsOf}
}
