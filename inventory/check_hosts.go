package inventory

import (
	"cmp"
	"net/netip"
	"slices"

	"rackhand/config/problem"
)

// A claim names the first owner of an address or MAC.
type claim struct {
	who string
	at  problem.Place
}

// checkHosts looks at what must be unique among hosts and fit their networks.
// The hosts go in the order in which they stand in the files, so that a
// duplicate is reported at the later place and names the earlier one.
func (l *loader) checkHosts() {
	macs := map[MAC]claim{}
	addrs := map[netip.Addr]claim{}
	bmcs := map[netip.AddrPort][]systemClaim{}
	users := map[string]bool{}         // places of long names
	reserved := map[netip.Addr]claim{} // for BMCs that have a MAC
	for _, name := range sortedKeys(l.networks) {
		if n := l.networks[name]; n.Gateway.IsValid() {
			addrs[n.Gateway] = claim{"the gateway of network " + name, n.gateway.At()}
		}
	}
	hosts := l.inOrder()
	for _, d := range hosts {
		what := "host " + d.name
		for i, mac := range d.macs {
			if first, ok := macs[mac]; ok {
				d.macNodes[i].Problem("each port has a MAC of its own: correct one of the two", "%s: MAC %s belongs to %s (%s)", what, mac, first.who, first.at)
				continue
			}
			macs[mac] = claim{what, d.macNodes[i].At()}
		}
		if d.bmcMAC != (MAC{}) {
			if first, ok := macs[d.bmcMAC]; ok {
				d.bmcMACAt.Problem("a BMC's port has a MAC of its own: look at its label, or at its own page", "%s: the BMC's MAC %s belongs to %s (%s)", what, d.bmcMAC, first.who, first.at)
			} else {
				macs[d.bmcMAC] = claim{what + "'s BMC", d.bmcMACAt.At()}
			}
		}
		if d.address.IsValid() {
			l.checkAddress(d, addrs)
		}
		if d.bmc.IsValid() {
			m := l.merge(d)
			if m.text(keyBMCProtocol) == ProtocolRedfish && !d.bmcPort {
				d.bmc = netip.AddrPortFrom(d.bmc.Addr(), redfishPort)
			}
			l.checkBMCUser(what, m, users)
			if first, ok := ownerOf(bmcs[d.bmc], m.text(keyBMCSystem)); ok {
				d.bmcNode.Problem("each box has a BMC of its own: correct one of the two; boxes behind one BMC each need a bmc.system", "%s: BMC address %s belongs to %s's BMC (%s)", what, d.bmc, first.who, first.at)
			} else {
				bmcs[d.bmc] = append(bmcs[d.bmc], systemClaim{m.text(keyBMCSystem), claim{what, d.bmcNode.At()}})
			}
		}
		l.checkComplete(d)
	}
	// Only now are all addresses known that a BMC must not have.
	for _, d := range hosts {
		if d.bmc.IsValid() {
			l.checkBMC(d, addrs)
		}
		if d.bmc.IsValid() && d.bmcMAC != (MAC{}) {
			l.checkReserved(d, reserved)
		}
	}
}

// A systemClaim names the owner of a system behind a BMC; "" for the only one.
type systemClaim struct {
	system string
	claim
}

// ownerOf finds the first host that has the same system behind a BMC. The only system behind
// a BMC is the same as any other one.
func ownerOf(claims []systemClaim, system string) (claim, bool) {
	for _, c := range claims {
		if c.system == system || c.system == "" || system == "" {
			return c.claim, true
		}
	}
	return claim{}, false
}

// checkReserved checks the address that our DHCP server will assign to a BMC. It must be
// unique, and a host's address must be possible there.
func (l *loader) checkReserved(d *hostDecl, reserved map[netip.Addr]claim) {
	what, a := "host "+d.name, d.bmc.Addr()
	if first, ok := reserved[a]; ok {
		d.bmcMACAt.Problem("two ports can't be given one address: correct one of the two", "%s: the address %s of its BMC is reserved for %s's BMC (%s)", what, a, first.who, first.at)
		return
	}
	reserved[a] = claim{what, d.bmcMACAt.At()}
	switch n := l.networkOf(a); {
	case n == nil && !l.broken && !l.duplicate && !l.brokenNetwork():
		d.bmcNode.Problem("a BMC that has its address otherwise needs no mac; "+l.networksHint(), "%s: the BMC has a mac, and its address %s lies in no network, so no DHCP server can assign it", what, a)
	case n != nil && n.Leases.Contains(a):
		d.bmcNode.Problem("choose one outside of "+n.Leases.First.String()+"-"+n.Leases.Last.String()+", or make the range smaller",
			"%s: the address %s of its BMC lies in the leases of network %s (%s), which are for unclaimed boxes", what, a, n.Name, n.leases.At())
	}
}

// asBMC is a hint where a host that has nothing to boot may be the BMC of another.
func (l *loader) asBMC(a netip.Addr, of *hostDecl) string {
	for _, d := range l.inOrder() {
		if d != of && d.address == a && len(d.macs) == 1 && !l.broken && d.whole && l.merge(d).system == nil {
			return "if " + d.name + " is this BMC, write bmc: {mac: " + d.macs[0].String() + ", address: " + a.String() + ", ...} here and remove " + d.name
		}
	}
	return ""
}

func (l *loader) checkAddress(d *hostDecl, addrs map[netip.Addr]claim) {
	what, a := "host "+d.name, d.address
	if first, ok := addrs[a]; ok {
		hint := "correct one of the two"
		if free := l.free(l.networkOf(a), a); free != "" {
			hint += "; " + free + " is free"
		}
		d.addrNode.Problem(hint, "%s: address %s belongs to %s (%s)", what, a, first.who, first.at)
		return
	}
	addrs[a] = claim{what, d.addrNode.At()}
	n := l.networkOf(a)
	if n == nil {
		// The content of a broken file, or of a network with a wrong subnet, is unknown.
		if !l.broken && !l.duplicate && !l.brokenNetwork() {
			d.addrNode.Problem(l.networksHint(), "%s: address %s lies in no network", what, a)
		}
		return
	}
	if why := notAHost(n.Subnet, a); why != "" {
		hint := "choose another in " + n.Subnet.String()
		if free := l.free(n, n.Subnet.Addr()); free != "" {
			hint += ", such as " + free
		}
		d.addrNode.Problem(hint, "%s: address %s %s (network %s)", what, a, why, n.Name)
		return
	}
	if n.Leases.Contains(a) {
		hint := "choose one outside of " + n.Leases.First.String() + "-" + n.Leases.Last.String() + ", or make the range smaller"
		if free := l.free(n, n.Subnet.Addr()); free != "" {
			hint += "; " + free + " is free"
		}
		d.addrNode.Problem(hint,
			"%s: address %s lies in the leases of network %s (%s), which are for unclaimed boxes", what, a, n.Name, n.leases.At())
	}
}

func (l *loader) checkBMC(d *hostDecl, addrs map[netip.Addr]claim) {
	a := d.bmc.Addr()
	if first, ok := addrs[a]; ok {
		hint := "a BMC has an address of its own"
		if free := l.free(l.networkOf(a), a); free != "" {
			hint += "; " + free + " is free"
		}
		if as := l.asBMC(a, d); as != "" {
			hint += "; " + as
		}
		d.bmcNode.Problem(hint, "host %s: BMC address %s belongs to %s (%s)", d.name, a, first.who, first.at)
		return
	}
	// It may lie in no network: a BMC has often a link of its own.
	if n := l.networkOf(a); n != nil {
		if why := notAHost(n.Subnet, a); why != "" {
			d.bmcNode.Problem("write the address that the BMC is set to", "host %s: BMC address %s %s (network %s)", d.name, a, why, n.Name)
		}
	}
}

// checkComplete looks for what a host needs of its layers together.
func (l *loader) checkComplete(d *hostDecl) {
	if l.broken || !d.whole {
		return
	}
	m := l.merge(d)
	what := "host " + d.name
	if m.system != nil && !m.has(keyKickstart) {
		d.key.Problem("add kickstart: base.ks to its group, its system or defaults", "%s has a system, but no kickstart to install it with", what)
	}
	if names, last := m.roles(); len(names) > maxHostRoles {
		last.node.Problem("write a role that includes several", "%s: %d roles with those of its group, its system and defaults, at most %d are allowed", what, len(names), maxHostRoles)
	}
	if !d.bmc.IsValid() {
		return
	}
	if !m.has(keyBMCUser) {
		d.bmcNode.Problem("add user: to this bmc, or to bmc: in its group or defaults", "%s has a BMC, but no user for it", what)
	}
	if !m.has(keyBMCPassword) {
		d.bmcNode.Problem("add password: {secret: bmc/"+d.name+"} to this bmc, or to bmc: in its group or defaults", "%s has a BMC, but no password for it", what)
	}
}

// networkOf finds the network that an address lies in, or nil. Networks that
// overlap are looked at one by one, in the order of their names.
func (l *loader) networkOf(a netip.Addr) *networkDecl {
	if l.disjoint != nil {
		i, found := slices.BinarySearchFunc(l.disjoint, a, func(n *networkDecl, a netip.Addr) int { return n.Subnet.Addr().Compare(a) })
		if !found {
			i--
		}
		if i >= 0 && l.disjoint[i].Subnet.Contains(a) {
			return l.disjoint[i]
		}
		return nil
	}
	for _, n := range l.subnets {
		if n.Subnet.Contains(a) {
			return n
		}
	}
	return nil
}

// brokenNetwork reports whether some network's subnet couldn't be read; hosts
// that lie in none may well lie there.
func (l *loader) brokenNetwork() bool { return len(l.subnets) < len(l.networks) }

func (l *loader) networksHint() string {
	if len(l.networks) == 0 {
		return "add networks: {rack1: {subnet: 10.77.0.0/24}}"
	}
	hint := "the networks are"
	for i, name := range sortedKeys(l.networks) {
		if i == 8 {
			return hint + ", ..."
		}
		if i > 0 {
			hint += ","
		}
		hint += " " + name + " " + l.networks[name].Subnet.String()
	}
	return hint
}

// inOrder lists the hosts as they stand in the files.
func (l *loader) inOrder() []*hostDecl {
	hosts := make([]*hostDecl, 0, len(l.hosts))
	for _, d := range l.hosts {
		hosts = append(hosts, d)
	}
	slices.SortFunc(hosts, func(a, b *hostDecl) int {
		p, q := a.place(), b.place()
		return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
	})
	return hosts
}
