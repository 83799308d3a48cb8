package redfish

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision/bmc"
)

// maxPorts bounds how many ports of a BMC are looked at.
const maxPorts = 16

// A port is what is needed of an EthernetInterface.
type port struct {
	path link
	tag  string

	MACAddress       string
	InterfaceEnabled *bool
	LinkStatus       string
	Addresses        []address  `json:"IPv4Addresses"`
	Static           *[]address `json:"IPv4StaticAddresses"`
	DHCPv4           struct{ DHCPEnabled *bool }
	VLAN             struct {
		VLANEnable bool
		VLANId     number
	}
	Links struct{ HostInterface link }
}

type address struct {
	Address       string
	SubnetMask    string
	Gateway       string
	AddressOrigin string `json:",omitempty"`
}

// prefix is an address with the length of its mask; false for none that is in use.
func (a address) prefix() (netip.Prefix, bool) {
	addr, err := netip.ParseAddr(a.Address)
	if err != nil || !addr.Is4() || addr.IsUnspecified() {
		return netip.Prefix{}, false
	}
	bits := 32
	if mask, err := netip.ParseAddr(a.SubnetMask); err == nil && mask.Is4() {
		ones, size := net.IPMask(mask.AsSlice()).Size()
		if size == 32 {
			bits = ones
		}
	}
	return netip.PrefixFrom(addr, bits), true
}

// port finds the BMC's own port: the one with the address that we talk to, otherwise the one
// that is up and has an address that isn't for the host alone.
func (s *session) port(ctx context.Context) (*port, error) {
	m, err := s.manager(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.members(ctx, m.EthernetInterfaces, maxPorts)
	if err != nil {
		return nil, err
	}
	var best *port
	for _, at := range all {
		p := &port{path: at}
		if p.tag, err = s.get(ctx, at, p); err != nil {
			return nil, err
		}
		if best == nil || p.rank(s.target.Address.Addr()) > best.rank(s.target.Address.Addr()) {
			best = p
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: it shows no port of its own", bmc.ErrUnsupported)
	}
	return best, nil
}

// rank is how likely a port is the one that we talk to.
func (p *port) rank(at netip.Addr) int {
	rank := 0
	if a, ok := p.in(at); ok {
		rank++
		if a.Addr() == at {
			return 100
		}
		if !a.Addr().IsLinkLocalUnicast() {
			rank += 4
		}
	}
	if p.InterfaceEnabled == nil || *p.InterfaceEnabled {
		rank += 8
	}
	if p.Links.HostInterface == "" {
		rank += 16
	}
	for _, a := range p.Addresses { // a link to the host needs no gateway
		if gw, err := netip.ParseAddr(a.Gateway); err == nil && !gw.IsUnspecified() {
			rank += 2
			break
		}
	}
	return rank
}

// in is the port's address: at if it has that, otherwise the first that isn't link-local.
func (p *port) in(at netip.Addr) (found netip.Prefix, ok bool) {
	for _, a := range p.Addresses {
		prefix, usable := a.prefix()
		if !usable {
			continue
		}
		if prefix.Addr() == at {
			return prefix, true
		}
		if !ok || found.Addr().IsLinkLocalUnicast() {
			found, ok = prefix, true
		}
	}
	return found, ok
}

// Network implements bmc.Session.
func (s *session) Network(ctx context.Context) (bmc.Network, error) {
	p, err := s.port(ctx)
	if err != nil {
		return bmc.Network{}, err
	}
	return p.network(s.target.Address.Addr()), nil
}

func (p *port) network(at netip.Addr) bmc.Network {
	n := bmc.Network{}
	n.MAC, _ = inventory.ParseMAC(p.MACAddress)
	n.Address, _ = p.in(at)
	for _, a := range p.Addresses {
		if prefix, ok := a.prefix(); ok && prefix == n.Address {
			if gw, err := netip.ParseAddr(a.Gateway); err == nil && !gw.IsUnspecified() {
				n.Gateway = gw
			}
			n.DHCP = a.AddressOrigin == "DHCP" || a.AddressOrigin == "BOOTP"
		}
	}
	if on := p.DHCPv4.DHCPEnabled; on != nil {
		n.DHCP = *on
	}
	if p.VLAN.VLANEnable && p.VLAN.VLANId.value >= 1 && p.VLAN.VLANId.value < 4095 {
		n.VLAN = int(p.VLAN.VLANId.value)
	}
	return n
}

// SetNetwork implements bmc.Session.
func (s *session) SetNetwork(ctx context.Context, n bmc.Network) error {
	p, err := s.port(ctx)
	if err != nil {
		return err
	}
	if !n.DHCP && (!n.Address.IsValid() || !n.Address.Addr().Is4()) {
		return &bmc.Error{Kind: bmc.ErrRefused, Err: fmt.Errorf("a static IPv4 address with a prefix length is wanted, not %s", n.Address)}
	}
	return s.patch(ctx, p.path, p.change(n), p.tag)
}

// change is what to write. Before 2018 there was no IPv4StaticAddresses: the addresses in
// use were written.
func (p *port) change(n bmc.Network) map[string]any {
	body := map[string]any{}
	if p.DHCPv4.DHCPEnabled != nil {
		body["DHCPv4"] = map[string]bool{"DHCPEnabled": n.DHCP}
	} else if n.DHCP {
		body["IPv4Addresses"] = []map[string]string{{"AddressOrigin": "DHCP"}}
	}
	if !n.DHCP {
		a := address{Address: n.Address.Addr().String(), SubnetMask: net.IP(net.CIDRMask(n.Address.Bits(), 32)).String()}
		if n.Gateway.IsValid() {
			a.Gateway = n.Gateway.String()
		}
		if p.Static != nil {
			body["IPv4StaticAddresses"] = []address{a}
		} else {
			a.AddressOrigin = "Static"
			body["IPv4Addresses"] = []address{a}
		}
	}
	if p.network(netip.Addr{}).VLAN != n.VLAN {
		vlan := map[string]any{"VLANEnable": n.VLAN != 0}
		if n.VLAN != 0 {
			vlan["VLANId"] = n.VLAN
		}
		body["VLAN"] = vlan
	}
	return body
}
