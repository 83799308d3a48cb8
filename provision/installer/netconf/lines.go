// Package netconf turns a Kickstart's network lines into the files of the tool that sets the
// installed system's network up: netplan, ifupdown, NetworkManager or systemd-networkd. It
// is pure.
package netconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// A Line is one `network` line.
type Line struct {
	Device string // a name or MAC; "" and link and bootif mean the card it booted from
	Host   string
	OnBoot bool
	MTU    int
	// Bond, Bridge: the line makes one, named Device, of these cards or devices
	Bond, Bridge  []string
	Options       []kickstart.NetOption // the bond's or bridge's
	VLAN          int                   // 0: none
	InterfaceName string                // of the VLAN
	Addressing    Addressing
	// Configures: the line says more than a host name
	Configures bool
}

// How a device gets its IPv4 addresses, and its IPv6 addresses.
const (
	byNone   = "none"
	byDHCP   = "dhcp"
	byStatic = "static"
	byAuto   = "auto" // IPv6: from router advertisements
)

// Addressing is how a device gets its addresses.
type Addressing struct {
	V4, V6     string
	Address    netip.Prefix // static
	Gateway    string
	Address6   netip.Prefix // static
	Gateway6   string
	DNS        []string // name servers, IPv4 and IPv6
	Search     []string // domains
	NoDefRoute bool
}

// noAddress is for a device that other devices use.
func noAddress() Addressing { return Addressing{V4: byNone, V6: byNone} }

// Read reads a network line whose options the engine's table has checked.
func Read(a kickstart.Args) Line {
	n := Line{
		Device: a.Value("--device"), Host: a.Value("--hostname"), MTU: kickstart.Count(a.Value("--mtu")), OnBoot: true,
		Bond: a.List("--bondslaves"), Bridge: a.List("--bridgeslaves"),
		VLAN: kickstart.Count(a.Value("--vlanid")), InterfaceName: a.Value("--interfacename"),
	}
	if o, ok := a.Option("--onboot"); ok {
		n.OnBoot = kickstart.On(o.Value)
	}
	// The table has checked these.
	if opts, err := kickstart.BondOptions(a.Value("--bondopts")); err == nil && len(n.Bond) > 0 {
		n.Options = opts
	}
	if opts, err := kickstart.BridgeOptions(a.Value("--bridgeopts")); err == nil && len(n.Bridge) > 0 {
		n.Options = opts
	}
	n.Addressing = readAddressing(a)
	n.Configures = a.Has("--bootproto") || a.Has("--device") || a.Has("--ip") || a.Has("--ipv6") || n.VLAN > 0
	return n
}

func readAddressing(a kickstart.Args) Addressing {
	out := Addressing{
		V4: byDHCP, V6: byAuto, Gateway: a.Value("--gateway"), Gateway6: a.Value("--ipv6gateway"),
		DNS: a.List("--nameserver"), NoDefRoute: a.Has("--nodefroute"),
	}
	for _, d := range append(a.List("--ipv4-dns-search"), a.List("--ipv6-dns-search")...) {
		if !slices.Contains(out.Search, d) {
			out.Search = append(out.Search, d)
		}
	}
	if a.Value("--bootproto") == "static" {
		out.V4 = byStatic
		if ip, err := netip.ParseAddr(a.Value("--ip")); err == nil {
			bits, _ := kickstart.MaskBits(a.Value("--netmask"))
			out.Address = netip.PrefixFrom(ip, bits)
		}
	}
	if a.Has("--noipv4") {
		out.V4 = byNone
	}
	switch v6 := a.Value("--ipv6"); v6 {
	case "", "auto":
	case "dhcp":
		out.V6 = byDHCP
	default:
		out.V6 = byStatic
		out.Address6, _ = kickstart.IPv6Prefix(v6)
	}
	if a.Has("--noipv6") {
		out.V6 = byNone
	}
	return out
}

// Hosts is the text of /etc/hosts, with the host's own name on its first static address, or
// on 127.0.1.1 as on Debian.
func Hosts(host string, devices []Device) string {
	address := "127.0.1.1"
	for _, d := range devices {
		if d.V4 == byStatic && d.Address.IsValid() {
			address = d.Address.Addr().String()
			break
		}
	}
	names := host
	if short, _, ok := strings.Cut(host, "."); ok {
		names += " " + short
	}
	s := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	if host != "" && host != "localhost" {
		s += address + "\t" + names + "\n"
	}
	return s
}

// ResolvConf is the text of /etc/resolv.conf, from the network lines' name servers or, when
// they name none, from those of the lease.
func ResolvConf(devices []Device, leased []string) string {
	var servers, search []string
	for _, d := range devices {
		servers = append(servers, d.DNS...)
		search = append(search, d.Search...)
	}
	if len(servers) == 0 {
		servers = leased
	}
	var b strings.Builder
	if len(search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(search, " "))
	}
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	return b.String()
}
