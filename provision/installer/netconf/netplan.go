package netconf

import (
	"fmt"
	"strconv"
	"strings"
)

// netplanFile is netplan's YAML, version 2 (netplan(5)).
func netplanFile(devices []Device) string {
	var b strings.Builder
	b.WriteString(Header + "network:\n  version: 2\n")
	for _, group := range []struct{ key, kind string }{
		{"ethernets", kindCard}, {"bonds", kindBond}, {"bridges", kindBridge}, {"vlans", kindVLAN},
	} {
		head := "  " + group.key + ":\n"
		for _, d := range devices {
			if d.Kind == group.kind {
				b.WriteString(head + "    " + d.Name + ":\n")
				head = ""
				for _, line := range netplanDevice(d) {
					b.WriteString("      " + line + "\n")
				}
			}
		}
	}
	return b.String()
}

func netplanDevice(d Device) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case d.MAC != "":
		add("match: {macaddress: %q}", d.MAC)
		add("set-name: %s", d.Name)
	case d.Kind == kindCard:
		add("match: {name: %q}", d.Name)
	case d.Kind == kindVLAN:
		add("id: %d", d.VLAN)
		add("link: %s", d.Parent)
	default:
		add("interfaces: [%s]", strings.Join(d.Members, ", "))
		if d.Own != "" {
			add("macaddress: %q", d.Own)
		}
		if len(d.Options) > 0 {
			add("parameters:")
			for _, o := range d.Options {
				add("  %s", netplanOption(d.Kind, o.Key, o.Value))
			}
		}
	}
	if d.MTU > 0 {
		add("mtu: %d", d.MTU)
	}
	if !d.OnBoot {
		add("activation-mode: manual")
	}
	add("dhcp4: %v", d.V4 == byDHCP)
	add("dhcp6: %v", d.V6 == byDHCP)
	if d.V4 == byDHCP {
		add("dhcp-identifier: mac") // as firmware asked, so that a server gives the same address
	}
	if d.NoDefRoute {
		// where both are on, they must say the same
		if d.V4 == byDHCP {
			add("dhcp4-overrides: {use-routes: false}")
		}
		if d.V6 == byDHCP {
			add("dhcp6-overrides: {use-routes: false}")
		}
	}
	if d.V6 == byNone {
		add("accept-ra: false")
		add("link-local: []")
	} else if d.V6 == byStatic {
		add("accept-ra: false")
	}
	var addresses, routes []string
	if d.V4 == byStatic {
		addresses = append(addresses, strconv.Quote(d.Address.String()))
		if d.Gateway != "" && !d.NoDefRoute {
			routes = append(routes, fmt.Sprintf("{to: %q, via: %q}", "0.0.0.0/0", d.Gateway))
		}
	}
	if d.V6 == byStatic {
		addresses = append(addresses, strconv.Quote(d.Address6.String()))
		if d.Gateway6 != "" && !d.NoDefRoute {
			routes = append(routes, fmt.Sprintf("{to: %q, via: %q}", "::/0", d.Gateway6))
		}
	}
	if len(addresses) > 0 {
		add("addresses: [%s]", strings.Join(addresses, ", "))
	}
	if len(routes) > 0 {
		add("routes: [%s]", strings.Join(routes, ", "))
	}
	if len(d.DNS)+len(d.Search) > 0 {
		add("nameservers: {addresses: [%s], search: [%s]}", quoteAll(d.DNS), quoteAll(d.Search))
	}
	return out
}

func quoteAll(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, strconv.Quote(s))
	}
	return strings.Join(out, ", ")
}

// netplanOption is an option of a bond or bridge in netplan's words.
func netplanOption(kind, key, value string) string {
	if kind == kindBridge {
		if key == "stp" {
			return "stp: " + strconv.FormatBool(value == "1")
		}
		return key + ": " + value
	}
	name := map[string]string{
		"miimon": "mii-monitor-interval", "updelay": "up-delay", "downdelay": "down-delay",
		"xmit_hash_policy": "transmit-hash-policy", "primary_reselect": "primary-reselect-policy",
		"fail_over_mac": "fail-over-mac-policy", "arp_ip_target": "arp-ip-targets",
	}[key]
	if name == "" {
		name = strings.ReplaceAll(key, "_", "-")
	}
	switch key {
	case "mode", "xmit_hash_policy":
		value = strconv.Quote(value) // 802.3ad isn't a number
	case "arp_ip_target":
		value = "[" + strings.Join(strings.Split(value, ","), ", ") + "]"
	}
	return name + ": " + value
}
