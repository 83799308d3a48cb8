package inventory

import (
	"net/netip"
	"strings"

	"rackhand/config/schema"
)

// A networkDecl is a network as declared; wrong values are zero.
type networkDecl struct {
	declared
	Network
	subnet, gateway, leases, options, wait schema.Node
	// vias are where the routers of Routes stand, one for one.
	vias []schema.Node
	// places are where its values stand.
	places places
}

func (l *loader) decodeNetwork(name string, key, value schema.Node) {
	what := "network " + name
	if !validName(name) {
		key.Problem(nameHint, "%q can't be a network's name", name)
		return
	}
	if !declare(l.networks, "network", name, key, maxOthers) {
		l.duplicate = true
		return
	}
	d := &networkDecl{declared: declared{key}, Network: Network{Name: name}, places: places{"": key.At().String()}}
	l.networks[name] = d
	given := false
	fields := schema.Fields{
		"subnet": func(n schema.Node) {
			given, d.subnet = true, n
			d.Subnet = parseSubnet(what, n)
		},
		"gateway": func(n schema.Node) {
			d.gateway = n
			d.Gateway = parseAddr(what+": gateway", n)
		},
		"dns": func(n schema.Node) { d.DNS = parseAddrs(what+": dns", n) },
		"ntp": func(n schema.Node) { d.NTP = parseAddrs(what+": ntp", n) },
		"domain": func(n schema.Node) {
			text, ok := n.Text(what + ": domain")
			if ok && !validDomain(text) {
				n.Problem("write a DNS name in small letters, such as rack1.example.org", "%s: %q can't be a domain", what, text)
				return
			}
			d.Domain = text
		},
		keyAnswer: func(n schema.Node) {
			text, _ := n.OneOf(what+": answer", string(GiveAnswer), string(ConfirmAnswer))
			d.Answer = AnswerPolicy(text)
		},
		"leases": func(n schema.Node) {
			d.leases = n
			d.Leases = parseRange(what, n)
		},
	}
	d.dhcpFields(what, fields)
	if !value.FieldsHint(what, d.places.keep(fields), networkHint, nil) {
		return
	}
	if !given {
		key.Problem("add subnet: 10.77.0.0/24", "%s has no subnet", what)
	}
	d.checkMode(what)
}

// parseSubnet reads an IPv4 prefix that has room for hosts.
func parseSubnet(what string, n schema.Node) netip.Prefix {
	text, ok := n.Text(what + ": subnet")
	if !ok {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		n.Problem(subnetHint(text), "%s: %q is not a subnet", what, text)
	case !p.Addr().Is4():
		n.Problem("boxes boot over IPv4", "%s: %s is not an IPv4 subnet", what, text)
	case p.Bits() < 8 || p.Bits() > 30:
		n.Problem("choose a length from /8 to /30", "%s: a subnet of /%d", what, p.Bits())
	case p != p.Masked():
		n.Problem("write "+p.Masked().String(), "%s: %s is an address within its subnet", what, text)
	default:
		return p
	}
	return netip.Prefix{}
}

// parseAddr reads an IPv4 address of one machine; the zero Addr after a problem.
func parseAddr(what string, n schema.Node) netip.Addr {
	text, ok := n.Text(what)
	if !ok {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		n.Problem(addressHint(text), "%s: %q is not an IPv4 address", what, text)
	case !a.Is4():
		n.Problem("boxes boot over IPv4", "%s: %q is not an IPv4 address", what, text)
	case a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		n.Problem("write the address of one machine, such as 10.77.0.11", "%s: %s is not the address of a machine", what, text)
	default:
		return a
	}
	return netip.Addr{}
}

// maxAddrs is how many addresses one option holds: 255 bytes, 4 for each.
const maxAddrs = maxOption / 4

func parseAddrs(what string, n schema.Node) []netip.Addr {
	items, _ := n.List(what)
	if len(items) > maxAddrs {
		n.Problem("keep those that are needed", "%s: more than %d addresses don't fit into a DHCP option", what, maxAddrs)
		return nil
	}
	var addrs []netip.Addr
	for _, item := range items {
		if a := parseAddr(what, item); a.IsValid() {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// parseRange reads FIRST-LAST.
func parseRange(what string, n schema.Node) Range {
	text, ok := n.Text(what + ": leases")
	if !ok {
		return Range{}
	}
	a, b, found := strings.Cut(text, "-")
	first, err1 := netip.ParseAddr(strings.TrimSpace(a))
	last, err2 := netip.ParseAddr(strings.TrimSpace(b))
	switch {
	case !found || err1 != nil || err2 != nil || !first.Is4() || !last.Is4():
		n.Problem(rangeHint(text), "%s: leases must be two IPv4 addresses with a dash between, not %q", what, text)
	case last.Less(first):
		n.Problem("write "+last.String()+"-"+first.String(), "%s: leases end before they begin", what)
	default:
		return Range{first, last}
	}
	return Range{}
}
