package netconf

import (
	"fmt"
	"strconv"
	"strings"
)

// interfacesFile is ifupdown's /etc/network/interfaces (interfaces(5)). `auto`
// brings a device up when the system starts, which network-online waits for.
// iproute2, which ifupdown depends on, makes bonds, bridges and VLANs. So the system
// doesn't need ifenslave, bridge-utils or vlan.
func interfacesFile(devices []Device) string {
	var b strings.Builder
	b.WriteString(Header + "auto lo\niface lo inet loopback\n")
	for _, d := range devices {
		if d.Master != "" {
			continue // its master brings it up
		}
		b.WriteString("\n")
		if d.OnBoot {
			fmt.Fprintf(&b, "auto %s\n", d.Name)
		}
		switch d.V4 {
		case byDHCP:
			fmt.Fprintf(&b, "iface %s inet dhcp\n", d.Name)
		case byStatic:
			fmt.Fprintf(&b, "iface %s inet static\n    address %s\n", d.Name, d.Address)
			if d.Gateway != "" && !d.NoDefRoute {
				fmt.Fprintf(&b, "    gateway %s\n", d.Gateway)
			}
		default:
			fmt.Fprintf(&b, "iface %s inet manual\n", d.Name)
		}
		for _, line := range ifupdownMake(d) {
			fmt.Fprintf(&b, "    %s\n", line)
		}
		if d.V4 == byNone {
			b.WriteString("    up ip link set dev $IFACE up\n")
		}
		if d.V4 == byDHCP && d.NoDefRoute {
			b.WriteString("    up ip -4 route del default dev $IFACE || true\n")
		}
		switch d.V6 {
		case byStatic:
			fmt.Fprintf(&b, "iface %s inet6 static\n    address %s\n", d.Name, d.Address6)
			if d.Gateway6 != "" && !d.NoDefRoute {
				fmt.Fprintf(&b, "    gateway %s\n", d.Gateway6)
			}
		case byDHCP:
			fmt.Fprintf(&b, "iface %s inet6 dhcp\n", d.Name)
		}
	}
	return b.String()
}

// ifupdownMake are the commands that make and prepare a device.
func ifupdownMake(d Device) []string {
	var out []string
	add := func(kind string) {
		words := ""
		for _, o := range d.Options {
			words += ifupdownOption(o.Key, o.Value)
		}
		address := ""
		if d.Own != "" {
			address = " address " + d.Own
		}
		out = append(out, fmt.Sprintf("pre-up [ -e /sys/class/net/$IFACE ] || ip link add dev $IFACE%s type %s%s", address, kind, words))
	}
	switch d.Kind {
	case kindBond:
		// A member must be down to join, and one that is missing must not keep the
		// others from it. The primary is set when it is there.
		var primary string
		opts := d.Options
		d.Options = nil
		for _, o := range opts {
			if o.Key == "primary" {
				primary = o.Value
				continue
			}
			d.Options = append(d.Options, o)
		}
		add("bond")
		for _, m := range d.Members {
			out = append(out, fmt.Sprintf("pre-up ip link set dev %s down && ip link set dev %s master $IFACE && ip link set dev %s up || true", m, m, m))
		}
		if primary != "" {
			out = append(out, fmt.Sprintf("pre-up ip link set dev $IFACE type bond primary %s || true", primary))
		}
	case kindBridge:
		add("bridge")
		for _, m := range d.Members {
			out = append(out, fmt.Sprintf("pre-up ip link set dev %s master $IFACE && ip link set dev %s up || true", m, m))
		}
	case kindVLAN:
		out = append(
			out, "pre-up ip link set dev "+d.Parent+" up",
			fmt.Sprintf("pre-up [ -e /sys/class/net/$IFACE ] || ip link add link %s name $IFACE type vlan id %d", d.Parent, d.VLAN))
	}
	if d.MTU > 0 {
		// not ifupdown's own mtu, which its dhcp method doesn't have
		out = append(out, fmt.Sprintf("pre-up ip link set dev $IFACE mtu %d", d.MTU))
	}
	if d.V6 == byNone {
		out = append(out, "pre-up echo 1 >/proc/sys/net/ipv6/conf/$IFACE/disable_ipv6")
	}
	if d.Kind != kindCard {
		out = append(out, "post-down ip link del dev $IFACE || true")
	}
	return out
}

// ifupdownOption is an option of a bond or bridge in ip-link(8)'s words; a bridge's
// times are in hundredths of a second there.
func ifupdownOption(key, value string) string {
	switch key {
	case "stp":
		return " stp_state " + value
	case "forward-delay", "hello-time", "max-age", "ageing-time":
		n, _ := strconv.Atoi(value)
		return fmt.Sprintf(" %s %d", strings.ReplaceAll(key, "-", "_"), n*100)
	}
	return " " + key + " " + value
}
