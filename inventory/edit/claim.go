package edit

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory"
)

// A Host is a box that is claimed: a new host of the inventory.
type Host struct {
	Name    string
	MAC     inventory.MAC
	Address netip.Addr
	// Group and System may be empty.
	Group, System string
	// Roles replace those of the group; none leave them.
	Roles []string
	// Never: it gets its address only, and is never installed.
	Never bool
	// OnRequest: it is installed only when the operator asks for it.
	OnRequest bool
	BMC       BMC
}

// A BMC is that of a host that is claimed; zero for none.
type BMC struct {
	Address netip.Addr
	// User and Secret, the name of the user's password, are empty if the group gives them.
	User, Secret string
}

// Claim adds a host behind the last one of the file that has most hosts, or of the
// file that is named, in the style of its neighbours.
func Claim(files []File, only string, h Host) (Change, error) {
	fields := []Field{{Key: "mac", Values: []string{h.MAC.String()}}, {Key: "address", Values: []string{h.Address.String()}}}
	for _, f := range []Field{
		{Key: "group", Values: []string{h.Group}},
		{Key: "system", Values: []string{h.System}},
	} {
		if f.Values[0] != "" {
			fields = append(fields, f)
		}
	}
	switch len(h.Roles) {
	case 0:
	case 1:
		fields = append(fields, Field{Key: "role", Values: h.Roles})
	default:
		fields = append(fields, Field{Key: "roles", Values: h.Roles})
	}
	if h.Never {
		fields = append(fields, Field{Key: "install", Values: []string{string(inventory.Never)}})
	} else if h.OnRequest {
		fields = append(fields, Field{Key: "install", Values: []string{string(inventory.OnRequest)}})
	}
	if h.BMC.Address.IsValid() {
		bmc := []Field{{Key: "address", Values: []string{h.BMC.Address.String()}}}
		if h.BMC.User != "" {
			bmc = append(bmc, Field{Key: "user", Values: []string{h.BMC.User}})
		}
		if h.BMC.Secret != "" {
			bmc = append(bmc, Field{Key: "password", Fields: []Field{{Key: "secret", Values: []string{h.BMC.Secret}}}})
		}
		fields = append(fields, Field{Key: "bmc", Fields: bmc})
	}
	return AddIn(files, only, Path{"hosts", h.Name}, fields)
}

// bareMAC: without separators, and HP's form with one.
var bareMAC = regexp.MustCompile(`^([0-9A-Fa-f]{6})-?([0-9A-Fa-f]{6})$`)

// ParseMAC reads a MAC in any form that labels, firmware and switches show:
// 52:54:00:00:00:01, 52-54-00-00-00-01, 5254.0000.0001, 5254-0000-0001,
// 525400-000001, 525400000001, 52 54 00 00 00 01, in either case.
func ParseMAC(s string) (inventory.MAC, error) {
	text := strings.ReplaceAll(strings.TrimSpace(s), " ", ":")
	if mac, err := inventory.ParseMAC(text); err == nil {
		return mac, nil
	}
	if mac, err := inventory.ParseMAC(strings.ReplaceAll(text, "-", ".")); err == nil {
		return mac, nil
	}
	if m := bareMAC.FindStringSubmatch(text); m != nil {
		h := m[1] + m[2]
		return inventory.ParseMAC(h[:4] + "." + h[4:8] + "." + h[8:])
	}
	return inventory.ParseMAC(s)
}

// A Need says for which network an address is needed.
type Need struct {
	Network string     // by its name; "" when not known
	Seen    netip.Addr // an address that the box had; may be invalid
	Group   string     // the box goes into this group; may be ""
}

// NetworkFor finds the network that a new host belongs to: the one named, the one
// on which the box was seen, the one on which all hosts of its group stand, or the
// only one there is.
func NetworkFor(s *inventory.Snapshot, need Need) (*inventory.Network, error) {
	if need.Network != "" {
		if n := s.Networks[need.Network]; n != nil {
			return n, nil
		}
		return nil, refuse(problem.DidYouMean(need.Network, networkNames(s)), "there is no network %q", need.Network)
	}
	if n := s.NetworkOf(need.Seen); need.Seen.IsValid() && n != nil {
		return n, nil
	}
	found := map[string]*inventory.Network{}
	for _, h := range s.Hosts {
		if need.Group != "" && h.Group == need.Group {
			found[h.Network.Name] = h.Network
		}
	}
	if len(found) != 1 {
		found = s.Networks
	}
	if len(found) != 1 {
		return nil, refuse("give --network or --address; the networks: "+strings.Join(networkNames(s), ", "), "it isn't known which of %d networks the box belongs to", len(s.Networks))
	}
	for _, n := range found {
		return n, nil
	}
	return nil, nil
}

func networkNames(s *inventory.Snapshot) []string {
	names := make([]string, 0, len(s.Networks))
	for name := range s.Networks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// NextFree finds an address of a network for a new host: the first free one behind the last
// host's address, or otherwise the first free one of the network. It skips the leases, the
// gateway, every address in the inventory, and those that taken reports.
func NextFree(s *inventory.Snapshot, n *inventory.Network, taken func(netip.Addr) bool) (netip.Addr, error) {
	used := map[netip.Addr]bool{n.Gateway: true}
	last := n.Subnet.Addr()
	for _, h := range s.Hosts {
		used[h.Address] = true
		if n.Subnet.Contains(h.Address) && last.Less(h.Address) {
			last = h.Address
		}
		if h.BMC != nil {
			used[h.BMC.Address.Addr()] = true
		}
	}
	for _, other := range s.Networks {
		for _, a := range slices.Concat(other.DNS, other.NTP) {
			used[a] = true
		}
		for _, r := range other.Routes {
			used[r.Via] = true
		}
	}
	free := func(a netip.Addr) bool {
		return !used[a] && !n.Leases.Contains(a) && !taken(a) &&
			n.Subnet.Contains(a) && n.Subnet.Contains(a.Next()) // the last one is the broadcast address
	}
	skip := func(a netip.Addr) netip.Addr {
		if n.Leases.Contains(a) {
			return n.Leases.Last.Next()
		}
		return a.Next()
	}
	for a := last.Next(); n.Subnet.Contains(a); a = skip(a) {
		if free(a) {
			return a, nil
		}
	}
	for a := n.Subnet.Addr().Next(); a.Less(last); a = skip(a) {
		if free(a) {
			return a, nil
		}
	}
	return netip.Addr{}, refuse("make the leases smaller, or give --address in another network", "network %s (%s) has no free address outside of its leases", n.Name, n.Subnet)
}

// CheckNew refuses a host whose name or MAC the inventory has already.
func CheckNew(s *inventory.Snapshot, h Host) error {
	if old := s.Hosts[h.Name]; old != nil {
		return refuse("choose another name, or `rackhand set hosts."+h.Name+".mac "+h.MAC.String()+"` for a new port", "there is a host %s already, at %s", h.Name, old.Line)
	}
	if old := s.HostByMAC(h.MAC); old != nil {
		return refuse("", "%s is host %s already, at %s", h.MAC, old.Name, old.Line)
	}
	if old := s.HostByBMC(h.MAC); old != nil {
		return refuse("", "%s is the BMC of host %s, at %s", h.MAC, old.Name, old.Line)
	}
	return nil
}
