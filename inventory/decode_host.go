package inventory

import (
	"net/netip"
	"slices"
	"strings"

	"rackhand/config/schema"
)

// maxMACs bounds a host's MACs; the biggest switch has fewer ports.
const maxMACs = 64

// A hostDecl is a host as declared; wrong values are zero.
type hostDecl struct {
	declared
	name     string
	macs     []MAC
	macNodes []schema.Node
	address  netip.Addr
	addrNode schema.Node
	group    setting
	rack     *RackPlace
	rackNode schema.Node
	bmc      netip.AddrPort
	bmcPort  bool // its port was given
	bmcNode  schema.Node
	bmcMAC   MAC
	bmcMACAt schema.Node
	layer    layer
	// whole: the host could be read as a mapping, so that what is missing is
	// missing indeed.
	whole bool
}

func (l *loader) decodeHost(name string, key, value schema.Node) {
	what := "host " + name
	if misplaced(name, key, value) {
		return
	}
	if !validLabel(name) {
		hint := "use small letters, digits and -, 63 at most, no dash first or last"
		if strings.Contains(name, ".") {
			hint += "; the domain belongs to the network"
		}
		key.Problem(hint, "%q can't be a host's name", name)
		return
	}
	if !declare(l.hosts, "host", name, key, maxHosts) {
		return
	}
	d := &hostDecl{declared: declared{key}, name: name, layer: layer{}}
	l.hosts[name] = d
	given := map[string]bool{}
	fields := l.layerFields(what, d.layer, keySystem)
	fields["mac"] = func(n schema.Node) {
		given["mac"] = true
		d.decodeMACs(what, n)
	}
	fields["address"] = func(n schema.Node) {
		given["address"] = true
		d.addrNode = n
		d.address = parseAddr(what+": address", n)
	}
	fields["group"] = func(n schema.Node) {
		if text, ok := n.Text(what + ": group"); ok {
			d.group = setting{text, n}
		}
	}
	fields["bmc"] = func(n schema.Node) {
		d.decodeBMC(l, what, n)
	}
	fields["rack"] = func(n schema.Node) { d.rack, d.rackNode = decodeRack(what, n), n }
	if d.whole = value.FieldsHint(what, fields, hostHint, nil); !d.whole {
		return
	}
	if !given["mac"] {
		key.Problem("add mac: 52:54:00:00:00:01, of the port it boots from; a box shows it when it starts", "%s has no mac", what)
	}
	if !given["address"] {
		key.Problem("add address:, outside of the network's leases", "%s has no address", what)
	}
}

func (d *hostDecl) decodeMACs(what string, n schema.Node) {
	items, ok := n.List(what + ": mac")
	if ok && len(items) == 0 {
		n.Problem("write the MAC of the port it boots from", "%s: mac has no value", what)
	}
	if len(items) > maxMACs {
		n.Problem("name the ports that may boot", "%s has more than %d MACs", what, maxMACs)
		return
	}
	for _, item := range items {
		text, ok := item.Text(what + ": mac")
		if !ok {
			continue
		}
		mac, ok := portMAC(what, text, item)
		switch {
		case !ok:
		case slices.Contains(d.macs, mac):
			item.Problem("keep one of the two", "%s: MAC %s stands here twice", what, mac)
		default:
			d.macs, d.macNodes = append(d.macs, mac), append(d.macNodes, item)
		}
	}
}

// portMAC reads the MAC of one port; it reports a malformed one.
func portMAC(what, text string, n schema.Node) (mac MAC, ok bool) {
	mac, err := ParseMAC(text)
	switch {
	case err != nil:
		n.Problem(macHint(text), "%s: %q is not a MAC", what, text)
	case mac == MAC{} || mac[0]&1 != 0:
		// The lowest bit of the first byte marks a group of stations (IEEE 802, 8.2).
		n.Problem("copy it from the port's label or the firmware's screen", "%s: %s is not the MAC of one port", what, mac)
	default:
		return mac, true
	}
	return MAC{}, false
}

func decodeRack(what string, n schema.Node) *RackPlace {
	place, named := &RackPlace{}, false
	ok := n.Fields(what+": rack", schema.Fields{
		"name": func(n schema.Node) {
			named = true
			text, ok := n.Text(what + ": rack name")
			if ok && (len(text) > 63 || !printable(text)) {
				n.Problem("shorten it", "%s: a rack's name has at most 63 printable characters", what)
				return
			}
			place.Name = text
		},
		"unit": func(n schema.Node) { place.Unit, _ = n.Int(what+": rack unit", 1, 100) },
	})
	if ok && !named {
		n.Problem("write rack: {name: r1, unit: 12}", "%s: rack has no name", what)
	}
	return place
}
