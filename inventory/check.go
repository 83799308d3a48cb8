package inventory

import (
	"net/netip"
	"slices"

	"rackhand/config/problem"
)

// checkNetworks looks at what must fit together within and between networks.
func (l *loader) checkNetworks() {
	names := sortedKeys(l.networks)
	overlap := false
	for i, name := range names {
		d := l.networks[name]
		if !d.Subnet.IsValid() {
			continue
		}
		l.subnets = append(l.subnets, d)
		what := "network " + name
		if g := d.Gateway; g.IsValid() {
			if why := notAHost(d.Subnet, g); why != "" {
				d.gateway.Problem("write the router's address in "+d.Subnet.String(), "%s: gateway %s %s", what, g, why)
			}
		}
		if r := d.Leases; r.First.IsValid() {
			last := broadcast(d.Subnet)
			switch {
			case !d.Subnet.Contains(r.First) || !d.Subnet.Contains(r.Last):
				d.leases.Problem("choose a range within it", "%s: leases lie outside of the subnet %s", what, d.Subnet)
			case r.First == d.Subnet.Addr() || r.Last == last:
				d.leases.Problem("the first and the last address of a subnet can't be hosts", "%s: leases hold the network's own address or its broadcast address", what)
			case d.Gateway.IsValid() && r.Contains(d.Gateway):
				d.leases.Problem("choose a range without it", "%s: leases hold the gateway %s", what, d.Gateway)
			}
		}
		d.checkRoutes(what)
		for _, other := range names[:i] {
			if o := l.networks[other]; o.Subnet.IsValid() && o.Subnet.Overlaps(d.Subnet) {
				overlap = true
				d.subnet.Problem("an address must lie in one network", "%s: subnet %s overlaps that of network %s, %s (%s)",
					what, d.Subnet, other, o.Subnet, o.subnet.At())
			}
		}
	}
	if !overlap {
		l.disjoint = slices.Clone(l.subnets)
		slices.SortFunc(l.disjoint, func(a, b *networkDecl) int { return a.Subnet.Addr().Compare(b.Subnet.Addr()) })
	}
}

// checkReferences looks for names that nothing bears.
func (l *loader) checkReferences() {
	l.checkLayer("defaults", l.defaults)
	for _, name := range sortedKeys(l.systems) {
		l.checkLayer("system "+name, l.systems[name].layer)
	}
	for _, name := range sortedKeys(l.groups) {
		l.checkLayer("group "+name, l.groups[name].layer)
	}
	for _, name := range sortedKeys(l.hosts) {
		d := l.hosts[name]
		l.checkLayer("host "+name, d.layer)
		group, _ := d.group.value.(string)
		if group != "" && l.groups[group] == nil && !l.broken {
			d.group.node.Problem(declareHint(problem.DidYouMean(group, sortedKeys(l.groups)), "groups", group), "host %s: there is no group %q", name, group)
		}
	}
}

func (l *loader) checkLayer(what string, ly layer) {
	if name := ly.text(keySystem); name != "" && l.systems[name] == nil && !l.broken {
		ly[keySystem].node.Problem(declareHint(problem.DidYouMean(name, sortedKeys(l.systems)), "systems", name), "%s: there is no system %q", what, name)
	}
	l.checkRoles(what, ly)
	if name := ly.text(keyKickstart); name != "" && l.opt.Templates != nil && !l.opt.Templates(name) {
		hint := "write it to templates/" + name + ", or use the built-in base.ks"
		if l.opt.Templates(name + ".ks") {
			hint = "did you mean \"" + name + ".ks\"?"
		}
		ly[keyKickstart].node.Problem(hint, "%s: there is no Kickstart template %q", what, name)
	}
}

// notAHost says why an address can't be a host's in a subnet; "" when it can.
func notAHost(subnet netip.Prefix, a netip.Addr) string {
	switch {
	case !subnet.Contains(a):
		return "lies outside of the subnet " + subnet.String()
	case a == subnet.Addr():
		return "is the network's own address"
	case a == broadcast(subnet):
		return "is the network's broadcast address"
	}
	return ""
}

// broadcast is the last address of an IPv4 subnet.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
