package installer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// A netConfig is one `network` line.
type netConfig struct {
	Device string // a name or MAC; "" and link and bootif mean the card it booted from
	Host   string
	OnBoot bool
	MTU    int
	// Bond, Bridge: the line makes one, named Device, of these cards or devices
	Bond, Bridge  []string
	Options       []kickstart.NetOption // the bond's or bridge's
	VLAN          int                   // 0: none
	InterfaceName string                // of the VLAN
	Addressing    addressing
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

// addressing is how a device gets its addresses.
type addressing struct {
	V4, V6     string
	Address    netip.Prefix // static
	Gateway    string
	Address6   netip.Prefix // static
	Gateway6   string
	DNS        []string // name servers, IPv4 and IPv6
	Search     []string // domains
	NoDefRoute bool
}

// noAddress is that of a device which others stand on.
func noAddress() addressing { return addressing{V4: byNone, V6: byNone} }

func readNetwork(a kickstart.Args) netConfig {
	n := netConfig{
		Device: a.Value("--device"), Host: a.Value("--hostname"), MTU: kickstart.Count(a.Value("--mtu")), OnBoot: true,
		Bond: a.List("--bondslaves"), Bridge: a.List("--bridgeslaves"),
		VLAN: kickstart.Count(a.Value("--vlanid")), InterfaceName: a.Value("--interfacename"),
	}
	if o, ok := a.Option("--onboot"); ok {
		n.OnBoot = kickstart.On(o.Value)
	}
	// the table has checked them
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

func readAddressing(a kickstart.Args) addressing {
	out := addressing{
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

// hostsFile is /etc/hosts: the host's own name on its first static address, else
// on 127.0.1.1 as Debian has it.
func hostsFile(host string, devices []netDevice) string {
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

// resolvFile is /etc/resolv.conf from the network lines' name servers, else from
// those of the lease.
func resolvFile(devices []netDevice, leased []string) string {
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

func nicsText(nics []NIC) string {
	var out []string
	for _, n := range nics {
		out = append(out, strings.TrimSpace(n.Name+" "+n.MAC))
	}
	return cmp.Or(strings.Join(out, ", "), "none")
}
