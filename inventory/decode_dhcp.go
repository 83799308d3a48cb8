package inventory

import (
	"net/netip"
	"time"

	"rackhand/config/schema"
)

// maxOption is how many bytes an option's value may have: its length is one byte
// (RFC 2132, section 2). Longer ones can be split (RFC 3396), but boot ROMs don't
// join them.
const maxOption = 255

// The bounds of option 51. Shorter leases are a flood of renewals, and one that is
// longer keeps a box's address for months after the box is gone.
const (
	minLease = 2 * time.Minute
	maxLease = 30 * 24 * time.Hour
)

// The bounds of option 26, in bytes: every host takes datagrams of 576 (RFC 791,
// 3.1; the option itself allows 68, RFC 2132, 5.1), and jumbo frames end at 9216.
const (
	minMTU = 576
	maxMTU = 9216
)

// keyWait is the only key of unclaimed: so far.
const keyWait = "unclaimed.wait"

// The bounds of unclaimed.wait. A box asks every ten seconds. Its boot program doesn't renew
// its lease, whose default is an hour.
const (
	minUnclaimedWait = 10 * time.Second
	maxUnclaimedWait = time.Hour
)

// dhcpFields adds the keys of the DHCP server on a network: its mode, and the settings that
// it sends to clients beside addresses.
func (d *networkDecl) dhcpFields(what string, fields schema.Fields) {
	fields["dhcp"] = func(n schema.Node) {
		mode, _ := n.OneOf(what+": dhcp", string(DHCPAuthoritative), string(DHCPProxy), string(DHCPOff))
		d.DHCP = DHCPMode(mode)
	}
	fields["allow_other_dhcp"] = func(n schema.Node) {
		d.AllowOtherDHCP, _ = n.Bool(what + ": allow_other_dhcp")
	}
	fields["lease_time"] = func(n schema.Node) {
		d.LeaseTime, _ = n.Duration(what+": lease_time", minLease, maxLease)
	}
	fields["unclaimed"] = func(n schema.Node) {
		n.Fields(what+": unclaimed", schema.Fields{"wait": func(n schema.Node) {
			d.wait, d.places[keyWait] = n, n.At().String()
			d.UnclaimedWait, _ = n.Duration(what+": unclaimed wait", minUnclaimedWait, maxUnclaimedWait)
		}})
	}
	fields["mtu"] = func(n schema.Node) { d.MTU, _ = n.Int(what+": mtu", minMTU, maxMTU) }
	fields["search"] = func(n schema.Node) { d.Search = parseSearch(what, n) }
	fields["routes"] = func(n schema.Node) { d.parseRoutes(what, n) }
	fields["options"] = func(n schema.Node) {
		d.options = n
		d.Options = parseOptions(what, n)
	}
}

// checkMode looks for settings of a server that gives addresses, on a network
// where another one does.
func (d *networkDecl) checkMode(what string) {
	why := "another server gives the addresses"
	switch d.Mode() {
	case DHCPAuthoritative:
		if d.LeaseTime > 0 && d.UnclaimedWait > d.LeaseTime {
			d.wait.Problem("write at most "+schema.Plain(d.LeaseTime), "%s: unclaimed wait %s is longer than lease_time %s, and a boot program doesn't renew its lease", what, schema.Plain(d.UnclaimedWait), schema.Plain(d.LeaseTime))
		}
		return
	case DHCPOff:
		why = "this server answers no client"
	}
	if d.Leases.First.IsValid() {
		d.leases.Problem("remove leases, or write dhcp: authoritative", "%s: leases have no use with dhcp: %s, where %s", what, d.DHCP, why)
	}
	if d.UnclaimedWait > 0 {
		d.wait.Problem("remove unclaimed, or write dhcp: authoritative", "%s: unclaimed wait has no use with dhcp: %s, where %s", what, d.DHCP, why)
	}
	if len(d.Options) > 0 {
		d.options.Problem("set them on the server that gives the addresses, or write dhcp: authoritative", "%s: options have no use with dhcp: %s, where %s", what, d.DHCP, why)
	}
}

// parseSearch reads the domains of option 119. On the wire each label has a byte
// for its length, and each name one zero byte for its end (RFC 3397, section 2).
func parseSearch(what string, n schema.Node) []string {
	items, _ := n.List(what + ": search")
	var search []string
	size := 0
	for _, item := range items {
		text, ok := item.Text(what + ": search")
		if ok && !validDomain(text) {
			item.Problem("write a DNS name in small letters, such as rack1.example.org", "%s: %q can't be a domain", what, text)
			continue
		}
		if ok {
			search, size = append(search, text), size+len(text)+2
		}
		if size > maxOption {
			item.Problem("keep those that are needed", "%s: search has more than the %d bytes of a DHCP option", what, maxOption)
			return nil
		}
	}
	return search
}

// parseRoutes reads the list of option 121: {to: 10.0.0.0/8, via: 10.77.0.254}.
func (d *networkDecl) parseRoutes(what string, n schema.Node) {
	what += ": route"
	items, _ := n.List(what + "s")
	seen := map[netip.Prefix]schema.Node{}
	// A client that gets option 121 skips option 3, so that the gateway goes
	// with the routes: 5 bytes (RFC 3442, pages 3 and 5).
	size := 5
	for _, item := range items {
		var r Route
		var to, via schema.Node
		given := map[string]bool{}
		read := item.Fields(what, schema.Fields{
			"to": func(n schema.Node) {
				given["to"], to = true, n
				r.To = parseDestination(what, n)
			},
			"via": func(n schema.Node) {
				given["via"], via = true, n
				r.Via = parseAddr(what+": via", n)
			},
		})
		if read && (!given["to"] || !given["via"]) {
			item.Problem("write {to: 10.0.0.0/8, via: 10.77.0.254}", "%s must have to and via", what)
		}
		if !r.To.IsValid() || !r.Via.IsValid() {
			continue
		}
		if first, ok := seen[r.To]; ok {
			to.Problem("keep one of the two", "%s: to %s stands here twice; first at %s", what, r.To, first.At())
			continue
		}
		seen[r.To] = to
		// The destination's length in bits, as many of its bytes as count, the router.
		if size += 1 + (r.To.Bits()+7)/8 + 4; size > maxOption {
			item.Problem("put several into one prefix, or send less", "%ss have more than the %d bytes of a DHCP option", what, maxOption)
			return
		}
		d.Routes, d.vias = append(d.Routes, r), append(d.vias, via)
	}
}

// parseDestination reads where a route leads to.
func parseDestination(what string, n schema.Node) netip.Prefix {
	text, ok := n.Text(what + ": to")
	if !ok {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !p.Addr().Is4():
		n.Problem("write an IPv4 network with its length, such as 10.0.0.0/8; one machine has /32", "%s: to %q is not an IPv4 network", what, text)
	case p != p.Masked():
		n.Problem("write "+p.Masked().String(), "%s: to %s is an address within its network", what, text)
	case p.Bits() == 0:
		n.Problem("write its router to gateway:, which is sent with the routes", "%s: to %s is the default route", what, text)
	default:
		return p
	}
	return netip.Prefix{}
}

// checkRoutes looks at the routers of a network whose subnet is right: a client
// reaches them on its own link or not at all.
func (d *networkDecl) checkRoutes(what string) {
	for i, r := range d.Routes {
		why := notAHost(d.Subnet, r.Via)
		switch {
		case why != "":
			d.vias[i].Problem("write the router's address in "+d.Subnet.String(), "%s: route to %s: via %s %s", what, r.To, r.Via, why)
		case d.Leases.Contains(r.Via):
			d.vias[i].Problem("make the range smaller, or correct the route", "%s: route to %s: via %s lies in the leases (%s), which are for unclaimed boxes", what, r.To, r.Via, d.leases.At())
		}
	}
}
