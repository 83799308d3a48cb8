package installer

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"rackhand/templates/kickstart"
)

// A netConfig is one `network` line.
type netConfig struct {
	Device     string // a name or MAC; "" and link and bootif mean the card it booted from
	DHCP       bool
	Address    netip.Prefix // static
	Gateway    string
	DNS        []string
	Host       string
	MTU        int
	OnBoot     bool
	NoDefRoute bool
	NoIPv6     bool
	// configures: the line says more than a host name
	Configures bool
}

func readNetwork(a kickstart.Args) netConfig {
	n := netConfig{
		Device: a.Value("--device"), DHCP: a.Value("--bootproto") != "static",
		Gateway: a.Value("--gateway"), DNS: a.List("--nameserver"), Host: a.Value("--hostname"),
		MTU: kickstart.Count(a.Value("--mtu")), OnBoot: true,
		NoDefRoute: a.Has("--nodefroute"), NoIPv6: a.Has("--noipv6"),
	}
	if o, ok := a.Option("--onboot"); ok {
		n.OnBoot = kickstart.On(o.Value)
	}
	if ip, err := netip.ParseAddr(a.Value("--ip")); err == nil && !n.DHCP {
		bits, _ := kickstart.MaskBits(a.Value("--netmask"))
		n.Address = netip.PrefixFrom(ip, bits)
	}
	n.Configures = a.Has("--bootproto") || a.Has("--device") || a.Has("--ip")
	return n
}

// A netCard is a network line together with the card that it means.
type netCard struct {
	netConfig
	MAC  string // "" when the line names a card that this machine doesn't show
	Name string // in the installed system: lan0, or as the line has it
}

// resolveCards finds the card that each network line means. Cards are told by
// their MAC: their names in the installer are not those in the installed system.
func resolveCards(lines []netConfig, f Facts) ([]netCard, error) {
	var out []netCard
	for _, n := range lines {
		if !n.Configures {
			continue
		}
		c := netCard{netConfig: n}
		want := n.Device
		if want == "" || want == "link" || want == "bootif" {
			want = f.BootNIC
		}
		mac := ""
		if hw, err := net.ParseMAC(want); err == nil {
			mac = hw.String()
		}
		for _, nic := range f.NICs {
			if nic.Name == want || (mac != "" && nic.MAC == mac) {
				c.MAC = nic.MAC
			}
		}
		switch {
		case c.MAC == "" && mac != "":
			return nil, fmt.Errorf("the Kickstart's network --device=%s is no card of this machine: %s", n.Device, nicsText(f.NICs))
		case c.MAC == "" && want == "":
			return nil, fmt.Errorf("the card that this machine booted from is not known: name one with network --device=MAC; it has: %s", nicsText(f.NICs))
		case c.MAC != "":
			c.Name = fmt.Sprintf("lan%d", len(out))
		default: // a name that only the installed system knows (enp1s0)
			c.Name = n.Device
			if strings.ContainsAny(c.Name, "/=\\*?[ ") || len(c.Name) > 15 {
				return nil, fmt.Errorf("network --device=%s is no name of a card", n.Device)
			}
		}
		for _, other := range out {
			if other.Name == c.Name || (c.MAC != "" && other.MAC == c.MAC) {
				return nil, fmt.Errorf("two network lines mean the same card, %s", nicsText([]NIC{{c.Name, c.MAC}}))
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func nicsText(nics []NIC) string {
	var out []string
	for _, n := range nics {
		out = append(out, n.Name+" "+n.MAC)
	}
	return strings.Join(out, ", ")
}

// interfacesFile is ifupdown's /etc/network/interfaces. A card is found by its
// MAC (interfaces(5), "PATTERN MATCHING INTERFACES"), so its name doesn't matter.
// `auto` brings it up when the system starts, which network-online waits for.
func interfacesFile(cards []netCard) string {
	var b strings.Builder
	b.WriteString("# written by rackhand-installer from the Kickstart\nauto lo\niface lo inet loopback\n")
	for _, c := range cards {
		name := c.Name
		if c.MAC != "" {
			name = "mac/" + c.MAC + "=" + c.Name
		}
		b.WriteString("\n")
		if c.OnBoot {
			fmt.Fprintf(&b, "auto %s\n", name)
		}
		if c.DHCP {
			fmt.Fprintf(&b, "iface %s inet dhcp\n", c.Name)
		} else {
			fmt.Fprintf(&b, "iface %s inet static\n    address %s\n", c.Name, c.Address)
			if c.Gateway != "" && !c.NoDefRoute {
				fmt.Fprintf(&b, "    gateway %s\n", c.Gateway)
			}
		}
		if c.MTU > 0 {
			// not ifupdown's own mtu, which its dhcp method doesn't have
			fmt.Fprintf(&b, "    pre-up ip link set dev $IFACE mtu %d\n", c.MTU)
		}
		if c.NoIPv6 {
			b.WriteString("    pre-up echo 1 >/proc/sys/net/ipv6/conf/$IFACE/disable_ipv6\n")
		}
	}
	return b.String()
}

// hostsFile is /etc/hosts: the host's own name on its first static address, else
// on 127.0.1.1 as Debian has it.
func hostsFile(host string, cards []netCard) string {
	address := "127.0.1.1"
	for _, c := range cards {
		if !c.DHCP && c.Address.IsValid() {
			address = c.Address.Addr().String()
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
func resolvFile(cards []netCard, leased []string) string {
	var servers []string
	for _, c := range cards {
		servers = append(servers, c.DNS...)
	}
	if len(servers) == 0 {
		servers = leased
	}
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	return b.String()
}
