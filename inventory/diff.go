package inventory

import (
	"bytes"
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// The kinds of a Change.
const (
	Added   = "added"
	Removed = "removed"
	Altered = "altered"
)

// A Change is a reload's effect on one network or one host.
type Change struct {
	// Of Host and Network one is given.
	Host    string
	Network string
	Kind    string // Added, Removed or Altered
	// Fields are the keys that differ in an altered host, sorted: mac, address, network (it
	// lies in another one), network.KEY (its network has another KEY), group,
	// system, kickstart, roles, install, answer, budget, bmc, boot.KEY, rack, disk,
	// variables.NAME; system includes the system's own settings. In an altered network
	// they are its keys.
	Fields []string
}

// String writes "web1: address, role", "web1: added" or "network rack1: dhcp".
func (c Change) String() string {
	name := c.Host
	if c.Network != "" {
		name = "network " + c.Network
	}
	if c.Kind != Altered {
		return name + ": " + c.Kind
	}
	return name + ": " + strings.Join(c.Fields, ", ")
}

// ByNetwork reports whether a host changed only because its network did.
func (c Change) ByNetwork() bool {
	return c.Host != "" && c.Kind == Altered &&
		!slices.ContainsFunc(c.Fields, func(field string) bool { return !strings.HasPrefix(field, networkPrefix) })
}

// networkPrefix marks the fields of a host that are its network's.
const networkPrefix = "network."

// Diff lists the differences in the networks and then the hosts of two snapshots, by name.
// nil stands for an empty snapshot. Places in the files don't matter.
func Diff(old, now *Snapshot) []Change {
	if old == nil {
		old = &Snapshot{}
	}
	if now == nil {
		now = &Snapshot{}
	}
	networks := diffAll(old.Networks, now.Networks, diffNetwork)
	for i, c := range networks {
		networks[i].Host, networks[i].Network = "", c.Host
	}
	return append(networks, diffAll(old.Hosts, now.Hosts, diffHost)...)
}

// diffAll compares what two snapshots hold of one kind; the names stand in Host.
func diffAll[T any](before, after map[string]*T, diff func(a, b *T) []string) []Change {
	names := map[string]*T{}
	maps.Copy(names, before)
	maps.Copy(names, after)
	var changes []Change
	for _, name := range sortedKeys(names) {
		a, b := before[name], after[name]
		switch {
		case a == nil:
			changes = append(changes, Change{Host: name, Kind: Added})
		case b == nil:
			changes = append(changes, Change{Host: name, Kind: Removed})
		default:
			if fields := diff(a, b); len(fields) > 0 {
				changes = append(changes, Change{Host: name, Kind: Altered, Fields: fields})
			}
		}
	}
	return changes
}

// diffNetwork lists the keys that two states of a network differ in, sorted.
func diffNetwork(a, b *Network) []string {
	if a == b {
		return nil
	}
	var fields []string
	field := func(name string, same bool) {
		if !same {
			fields = append(fields, name)
		}
	}
	field(keyAnswer, cmp.Or(a.Answer, defaultAnswer) == cmp.Or(b.Answer, defaultAnswer))
	field("allow_other_dhcp", a.AllowOtherDHCP == b.AllowOtherDHCP)
	field("dhcp", a.Mode() == b.Mode())
	field("dns", slices.Equal(a.DNS, b.DNS))
	field("domain", a.Domain == b.Domain)
	field("gateway", a.Gateway == b.Gateway)
	field("lease_time", a.LeaseTime == b.LeaseTime)
	field("leases", a.Leases == b.Leases)
	field("mtu", a.MTU == b.MTU)
	field("ntp", slices.Equal(a.NTP, b.NTP))
	field("options", maps.EqualFunc(a.Options, b.Options, bytes.Equal))
	field("routes", slices.Equal(a.Routes, b.Routes))
	field("search", slices.Equal(a.Search, b.Search))
	field("subnet", a.Subnet == b.Subnet)
	field(keyWait, a.UnclaimedWait == b.UnclaimedWait)
	return fields
}

// diffHost lists what differs in two states of a host, sorted.
func diffHost(a, b *Host) []string {
	var fields []string
	field := func(name string, same bool) {
		if !same {
			fields = append(fields, name)
		}
	}
	field("mac", slices.Equal(a.MACs, b.MACs))
	field("address", a.Address == b.Address)
	if a.Network == nil || b.Network == nil || a.Network.Name != b.Network.Name {
		field("network", a.Network == b.Network)
	} else {
		for _, name := range diffNetwork(a.Network, b.Network) {
			field(networkPrefix+name, false)
		}
	}
	field("group", a.Group == b.Group)
	field("system", samePointed(a.System, b.System))
	field("kickstart", a.Kickstart == b.Kickstart)
	field(keyRoles, slices.Equal(a.Roles, b.Roles))
	field("install", a.Install == b.Install)
	field(keyAnswer, a.Answer == b.Answer)
	field("budget", a.Budget == b.Budget)
	field("bmc", reflect.DeepEqual(a.BMC, b.BMC))
	field(keyBootProgram, a.Boot.Program == b.Boot.Program)
	field(keyBootConsole, a.Boot.Console == b.Boot.Console)
	field(keyBootArgs, slices.Equal(a.Boot.Args, b.Boot.Args))
	field(keyBootVLAN, a.Boot.VLAN == b.Boot.VLAN)
	field(keyBootSecureBoot, a.Boot.SecureBoot == b.Boot.SecureBoot)
	field(keyBootProxy, cmp.Or(a.Boot.Proxy, ProxyPXE) == cmp.Or(b.Boot.Proxy, ProxyPXE))
	field("rack", samePointed(a.Rack, b.Rack))
	field("disk", a.Disk == b.Disk)
	field(keyMaintenanceWindows, slices.Equal(a.Maintenance.Windows, b.Maintenance.Windows))
	field(keyMaintenanceZone, cmp.Or(a.Maintenance.Zone, "UTC") == cmp.Or(b.Maintenance.Zone, "UTC"))
	names := maps.Clone(a.Variables)
	if names == nil {
		names = map[string]any{}
	}
	maps.Copy(names, b.Variables)
	for name := range names {
		x, inA := a.Variables[name]
		y, inB := b.Variables[name]
		field(variablePrefix+name, inA == inB && reflect.DeepEqual(x, y))
	}
	slices.Sort(fields)
	return fields
}

func samePointed[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
