package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// A Setting is one setting of a host, with all that was said about it.
type Setting struct {
	Key string
	// Origins are those of [Explain]: the first is in force, those after it lost.
	// There is at least one.
	Origins []Origin
}

// ExplainHost returns every setting of a host with its origins: settings of its layers,
// settings that follow from them (its address's network, with network.KEY, and its system,
// with system.KEY), and built-in defaults. They come in the order in which an operator
// thinks of a host.
func ExplainHost(s *Snapshot, host string) ([]Setting, error) {
	// For the error about an unknown host, or none.
	if _, err := Explain(s, host, ""); err != nil {
		return nil, err
	}
	var out []Setting
	for key, from := range s.origins[host].origins() {
		out = append(out, Setting{key, from})
	}
	if h := s.Hosts[host]; h != nil {
		out = append(out, derived(s, h)...)
	}
	slices.SortFunc(out, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(rank(a.Key), rank(b.Key)), strings.Compare(a.Key, b.Key))
	})
	return out, nil
}

// ExplainKey returns one setting of a host, or all below a key: boot means boot.console and
// its neighbours. An error says whether the key is unknown, or not set for this host.
func ExplainKey(s *Snapshot, host, key string) ([]Setting, error) {
	all, err := ExplainHost(s, host)
	if err != nil {
		return nil, err
	}
	if key == keyRole {
		key = keyRoles
	}
	var found []Setting
	known := slices.Clone(keyOrder)
	for _, set := range all {
		if set.Key == key || strings.HasPrefix(set.Key, key+".") {
			found = append(found, set)
		}
		known = append(known, set.Key)
	}
	switch {
	case len(found) > 0:
		return found, nil
	case isKey(key):
		return nil, fmt.Errorf("host %s has no %s: no layer gives it", host, key)
	}
	err = fmt.Errorf("host %s: there is no key %q", host, key)
	// People remember a variable by its own name.
	hint := problem.Nearest(key, known)
	if slices.Contains(known, variablePrefix+key) {
		hint = variablePrefix + key
	}
	if hint != "" {
		return nil, fmt.Errorf("%w: did you mean %q?", err, hint)
	}
	return nil, fmt.Errorf("%w: `rackhand explain %s` lists those that it has", err, host)
}

// keyOrder is the order in which settings are shown. Settings below a key come where the
// key comes.
var keyOrder = []string{
	"mac", "address", "group", "rack", "network", keySystem, keyKickstart, keyRoles, keyRole, keyInstall, keyAnswer, keyBudget, keyDisk,
	"bmc", "bmc.mac", "bmc.address", keyBMCUser, keyBMCPassword, keyBMCProtocol, keyBMCPrivilege, keyBMCSystem,
	keyBMCFingerprint, keyBMCCA, keyBMCOldTLS, keyBMCSettle, keyBMCQuirks, "bmc.vendors", keyBMCSetup, keyBMCConsole,
	"boot", keyBootProgram, keyBootConsole, keyBootArgs, keyBootVLAN, keyBootSecureBoot, keyBootProxy,
	"maintenance", keyMaintenanceWindows, keyMaintenanceZone, "variables",
}

func rank(key string) int {
	if strings.HasPrefix(key, bmcVendorPrefix) {
		key = "bmc.vendors"
	}
	if i := slices.Index(keyOrder, key); i >= 0 {
		return i
	}
	first, _, _ := strings.Cut(key, ".")
	return slices.Index(keyOrder, first)
}

// isKey reports whether a host could have a setting of this key.
func isKey(key string) bool {
	name, isVariable := strings.CutPrefix(key, variablePrefix)
	field, ofNetwork := strings.CutPrefix(key, networkPrefix)
	property, ofSystem := strings.CutPrefix(key, keySystem+".")
	vendor, ofVendor := strings.CutPrefix(key, bmcVendorPrefix)
	switch {
	case ofVendor:
		return vendor != ""
	case isVariable:
		return validVariable(name)
	case ofNetwork:
		return slices.Contains(networkKeys, field)
	case ofSystem:
		return slices.Contains(systemKeys, property)
	}
	return slices.Contains(keyOrder, key)
}

// places are where the keys of one network or system stand, "" its name.
type places map[string]string

// keep notes where each value of a mapping stands, before its reader sees it.
func (p places) keep(fields schema.Fields) schema.Fields {
	for key, read := range fields {
		fields[key] = func(n schema.Node) {
			p[key] = n.At().String()
			read(n)
		}
	}
	return fields
}

// The keys of networks and systems that hosts take over from them.
var (
	networkKeys = []string{"subnet", "gateway", "dns", "ntp", "domain", "leases", "dhcp", "allow_other_dhcp", "lease_time", keyWait, "mtu", "search", "routes", "options", keyAnswer}
	systemKeys  = []string{"installer", "release", "image", "media", "arch", "unsupported"}
)

// derived are the settings that follow from a host's address and system.
func derived(s *Snapshot, h *Host) []Setting {
	var out []Setting
	add := func(key, layer string, value any, at string) {
		out = append(out, Setting{key, []Origin{{layer, value, at}}})
	}
	if n := h.Network; n != nil {
		add("network", fmt.Sprintf("its subnet %s holds %s", n.Subnet, h.Address), n.Name, s.places["network "+n.Name][""])
		for _, set := range ExplainNetwork(s, n.Name) {
			out = append(out, Setting{networkPrefix + set.Key, set.Origins})
		}
		if from, _ := Explain(s, h.Name, keyBootProxy); from == nil && n.Mode() == DHCPProxy {
			add(keyBootProxy, builtIn, ProxyPXE, "")
		}
	}
	if sys := h.System; sys != nil {
		layer, at := "system "+sys.Name, s.places["system "+sys.Name]
		for _, key := range systemKeys {
			if place, ok := at[key]; ok {
				add(keySystem+"."+key, layer, sys.value(key), place)
			}
		}
		if at["arch"] == "" {
			add(keySystem+".arch", builtIn, sys.Processor(), "")
		}
	}
	return out
}

// ExplainNetwork returns every setting of a network and its place; nothing for an unknown
// network.
func ExplainNetwork(s *Snapshot, name string) []Setting {
	if s == nil || s.Networks[name] == nil {
		return nil
	}
	n, at := s.Networks[name], s.places["network "+name]
	var out []Setting
	for _, key := range networkKeys {
		if place, ok := at[key]; ok {
			out = append(out, Setting{key, []Origin{{"network " + name, n.value(key), place}}})
		} else if key == "dhcp" {
			out = append(out, Setting{key, []Origin{{builtIn, n.Mode(), ""}}})
		}
	}
	return out
}

// value is the value of one of networkKeys.
func (n *Network) value(key string) any {
	return map[string]any{
		"subnet": n.Subnet, "gateway": n.Gateway, "dns": n.DNS, "ntp": n.NTP, "domain": n.Domain, "leases": n.Leases,
		"dhcp": n.Mode(), "allow_other_dhcp": n.AllowOtherDHCP, "lease_time": n.LeaseTime, keyWait: n.UnclaimedWait, "mtu": n.MTU,
		"search": n.Search, "routes": n.Routes, "options": n.Options, keyAnswer: n.Answer,
	}[key]
}

// value is the value of one of systemKeys.
func (s *System) value(key string) any {
	return map[string]any{
		"installer": s.Installer, "release": s.Release, "image": s.Image, "media": s.Media, "arch": s.Processor(), "unsupported": s.Unsupported,
	}[key]
}
