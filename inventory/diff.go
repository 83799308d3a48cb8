package inventory

import (
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

// A Change is what a reload made of one host.
type Change struct {
	Host string
	Kind string // Added, Removed or Altered
	// Fields are what differs in an altered host, sorted: mac, address, network,
	// group, system, kickstart, role, install, budget, bmc, rack, disk,
	// variables.NAME. Network and system stand for what they hold too.
	Fields []string
}

// String writes "web1: address, role" or "web1: added".
func (c Change) String() string {
	if c.Kind != Altered {
		return c.Host + ": " + c.Kind
	}
	return c.Host + ": " + strings.Join(c.Fields, ", ")
}

// Diff tells what differs in the hosts of two snapshots, by name; nil stands for
// a snapshot without hosts. Where in the files a host stands makes no difference.
func Diff(old, now *Snapshot) []Change {
	before, after := hostsOf(old), hostsOf(now)
	names := maps.Clone(before)
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
			if fields := diffHost(a, b); len(fields) > 0 {
				changes = append(changes, Change{Host: name, Kind: Altered, Fields: fields})
			}
		}
	}
	return changes
}

func hostsOf(s *Snapshot) map[string]*Host {
	if s == nil || s.Hosts == nil {
		return map[string]*Host{}
	}
	return s.Hosts
}

func diffHost(a, b *Host) []string {
	var fields []string
	field := func(name string, same bool) {
		if !same {
			fields = append(fields, name)
		}
	}
	field("mac", slices.Equal(a.MACs, b.MACs))
	field("address", a.Address == b.Address)
	field("network", reflect.DeepEqual(a.Network, b.Network))
	field("group", a.Group == b.Group)
	field("system", samePointed(a.System, b.System))
	field("kickstart", a.Kickstart == b.Kickstart)
	field("role", a.Role == b.Role)
	field("install", a.Install == b.Install)
	field("budget", a.Budget == b.Budget)
	field("bmc", samePointed(a.BMC, b.BMC))
	field("rack", samePointed(a.Rack, b.Rack))
	field("disk", a.Disk == b.Disk)
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
