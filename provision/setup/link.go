package setup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// An Interface is a link of this machine, as a first configuration looks at it.
type Interface struct {
	Name     string
	Up       bool
	Ethernet bool           // it has a MAC, and is not a loopback
	Addrs    []netip.Prefix // IPv4, our address with the length of its subnet
	// Default: the default route leads over it, to Gateway if that is valid.
	Default bool
	Gateway netip.Addr
}

// ChooseLink says which link boxes are to boot on, and why; want names one. Of several,
// it is one that doesn't lead to the default route: that is usually the office.
func ChooseLink(all []Interface, want string) (link Interface, why string, err error) {
	if want != "" {
		i := slices.IndexFunc(all, func(x Interface) bool { return x.Name == want })
		switch {
		case i < 0:
			return Interface{}, "", fmt.Errorf("there is no interface %s: there are %s", want, names(all))
		case len(all[i].Addrs) == 0:
			return Interface{}, "", fmt.Errorf("%s has no IPv4 address: give it one, or say --subnet 10.77.0.0/24 --address 10.77.0.1", want)
		}
		return all[i], "as --interface says", nil
	}
	var fit, others []Interface
	for _, x := range all {
		if x.Up && x.Ethernet && len(x.Addrs) > 0 {
			if fit = append(fit, x); !x.Default {
				others = append(others, x)
			}
		}
	}
	switch {
	case len(fit) == 0:
		return Interface{}, "", errors.New("no Ethernet interface is up with an IPv4 address of a subnet: set one up, or say --interface eth1 --subnet 10.77.0.0/24 --address 10.77.0.1")
	case len(fit) == 1 && fit[0].Default:
		return fit[0], "the only one that is up with an IPv4 address; the default route leads over it too, so another DHCP server may be there: `rackhand doctor` looks", nil
	case len(fit) == 1:
		return fit[0], "the only one that is up with an IPv4 address", nil
	case len(others) == 1:
		return others[0], "the default route doesn't lead over it", nil
	case len(others) == 0:
		return fit[0], "the first of several that the default route leads over (" + names(fit) + "): --interface chooses", nil
	}
	return others[0], "the first of several that the default route doesn't lead over (" + names(others) + "): --interface chooses", nil
}

func names(all []Interface) string {
	var out []string
	for _, x := range all {
		out = append(out, x.Name)
	}
	return strings.Join(out, ", ")
}

// SiteOn makes a site of a link: nameservers are this machine's, inUse the neighbours
// that it knows. A name server is taken if boxes can reach it: on their own link, or
// by way of a router.
func SiteOn(x Interface, nameservers, inUse []netip.Addr) Site {
	s := Site{Interface: x.Name, InUse: inUse}
	if len(x.Addrs) > 0 {
		s.Address, s.Subnet = x.Addrs[0].Addr(), x.Addrs[0].Masked()
	}
	if s.Subnet.Contains(x.Gateway) {
		s.Gateway = x.Gateway
	}
	for _, a := range nameservers {
		reach := s.Gateway.IsValid() || s.Subnet.Contains(a)
		if a.Is4() && !a.IsLoopback() && !a.IsUnspecified() && reach && !slices.Contains(s.DNS, a) {
			s.DNS = append(s.DNS, a)
		}
	}
	return s
}

// Interfaces looks at this machine's links.
func Interfaces() ([]Interface, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing the interfaces: %w", err)
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("reading the routes: %w", err)
	}
	var out []Interface
	for _, i := range list {
		x := Interface{Name: i.Name, Up: i.Flags&net.FlagUp != 0, Ethernet: len(i.HardwareAddr) == 6 && i.Flags&net.FlagLoopback == 0}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("reading the addresses of %s: %w", i.Name, err)
		}
		for _, a := range addrs {
			// No link-local addresses, which a machine assigns itself without a DHCP server (RFC
			// 3927), and no point-to-point links.
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLinkLocalUnicast() && p.Bits() <= 30 {
				x.Addrs = append(x.Addrs, p)
			}
		}
		for _, r := range routes {
			whole := r.Dst == nil || r.Dst.IP.IsUnspecified() && isZero(r.Dst.Mask)
			if whole && r.LinkIndex == i.Index {
				x.Default = true
				if gw, ok := netip.AddrFromSlice(r.Gw.To4()); ok && !x.Gateway.IsValid() {
					x.Gateway = gw
				}
			}
		}
		out = append(out, x)
	}
	return out, nil
}

func isZero(m net.IPMask) bool {
	ones, _ := m.Size()
	return ones == 0
}

// Neighbours are the addresses that this machine has heard of on a link.
func Neighbours(name string) []netip.Addr {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	list, err := netlink.NeighList(i.Index, netlink.FAMILY_V4)
	if err != nil {
		return nil // a help only: leases are probed before they are given
	}
	var out []netip.Addr
	for _, n := range list {
		if a, ok := netip.AddrFromSlice(n.IP.To4()); ok && n.State&(netlink.NUD_FAILED|netlink.NUD_NOARP) == 0 {
			out = append(out, a)
		}
	}
	return out
}

// Nameservers are this machine's name servers, from resolv.conf. If that names only a local
// one, they are the servers that the local one asks.
func Nameservers() []netip.Addr {
	var out []netip.Addr
	for _, path := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		out = append(out, parseResolvConf(data)...)
	}
	return out
}

// parseResolvConf reads the IPv4 name servers of a resolv.conf(5).
func parseResolvConf(data []byte) []netip.Addr {
	var out []netip.Addr
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() && len(out) < 3 { // MAXNS of the C library
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil && a.Is4() {
			out = append(out, a)
		}
	}
	return out
}
