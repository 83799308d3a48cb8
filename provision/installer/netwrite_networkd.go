package installer

import (
	"fmt"
	"strings"
)

// networkdFiles are systemd-networkd's: a .network for each device
// (systemd.network(5)), and a .netdev for each that isn't a card (systemd.netdev(5)).
func networkdFiles(devices []netDevice) []fileStep {
	var out []fileStep
	file := func(d netDevice, ending, text string) {
		out = append(out, fileStep{Path: "/etc/systemd/network/20-rackhand-" + d.Name + ending, Mode: 0o644, Text: text})
	}
	for _, d := range devices {
		if d.Kind != kindCard {
			file(d, ".netdev", networkdNetdev(d))
		}
		file(d, ".network", networkdNetwork(devices, d))
	}
	return out
}

func networkdNetdev(d netDevice) string {
	k := newKeyFile()
	k.section("NetDev")
	k.set("Name", d.Name)
	k.set("Kind", d.Kind)
	k.set("MACAddress", d.Own)
	k.set("MTUBytes", positive(d.MTU))
	switch d.Kind {
	case kindVLAN:
		k.section("VLAN")
		k.set("Id", fmt.Sprint(d.VLAN))
	case kindBond, kindBridge:
		k.section(map[string]string{kindBond: "Bond", kindBridge: "Bridge"}[d.Kind])
		for _, o := range d.Options {
			if o.Key != "primary" { // that is said of the member
				k.set(networkdOption(o.Key, o.Value))
			}
		}
	}
	return k.b.String()
}

func networkdNetwork(devices []netDevice, d netDevice) string {
	k := newKeyFile()
	k.section("Match")
	if d.MAC != "" {
		k.set("PermanentMACAddress", d.MAC)
	} else {
		k.set("Name", d.Name)
	}
	if d.MTU > 0 || !d.OnBoot {
		k.section("Link")
		k.set("MTUBytes", positive(d.MTU))
		if !d.OnBoot {
			k.set("ActivationPolicy", "manual")
			k.set("RequiredForOnline", "no")
		}
	}
	k.section("Network")
	for _, v := range vlansOn(devices, d.Name) {
		k.set("VLAN", v)
	}
	if d.Master != "" {
		k.set(map[string]string{kindBond: "Bond", kindBridge: "Bridge"}[kindOf(devices, d.Master)], d.Master)
		if primaryOf(devices, d.Master) == d.Name {
			k.set("PrimarySlave", "yes")
		}
		return k.b.String()
	}
	dhcp := map[[2]bool]string{{true, true}: "yes", {true, false}: "ipv4", {false, true}: "ipv6", {false, false}: "no"}
	k.set("DHCP", dhcp[[2]bool{d.V4 == byDHCP, d.V6 == byDHCP}])
	if d.V4 == byStatic {
		k.set("Address", d.Address.String())
	}
	if d.V6 == byStatic {
		k.set("Address", d.Address6.String())
	}
	if !d.NoDefRoute {
		k.set("Gateway", d.Gateway)
		k.set("Gateway", d.Gateway6)
	}
	k.set("DNS", strings.Join(d.DNS, " "))
	k.set("Domains", strings.Join(d.Search, " "))
	switch d.V6 {
	case byNone:
		k.set("LinkLocalAddressing", "no")
		k.set("IPv6AcceptRA", "no")
	case byStatic:
		k.set("IPv6AcceptRA", "no")
	}
	if d.V4 == byDHCP {
		k.section("DHCPv4")
		k.set("ClientIdentifier", "mac") // as firmware asked, so that a server gives the same address
		if d.NoDefRoute {
			k.set("UseGateway", "no")
		}
	}
	return k.b.String()
}

func primaryOf(devices []netDevice, bond string) string {
	for _, d := range devices {
		for _, o := range d.Options {
			if d.Name == bond && o.Key == "primary" {
				return o.Value
			}
		}
	}
	return ""
}

// networkdOption is an option of a bond or bridge in systemd.netdev(5)'s words.
func networkdOption(key, value string) (string, string) {
	switch key {
	case "mode":
		return "Mode", value
	case "miimon":
		return "MIIMonitorSec", value + "ms"
	case "updelay":
		return "UpDelaySec", value + "ms"
	case "downdelay":
		return "DownDelaySec", value + "ms"
	case "arp_interval":
		return "ARPIntervalSec", value + "ms"
	case "arp_ip_target":
		return "ARPIPTargets", strings.ReplaceAll(value, ",", " ")
	case "arp_validate":
		return "ARPValidate", value
	case "min_links":
		return "MinLinks", value
	case "lacp_rate":
		return "LACPTransmitRate", value
	case "xmit_hash_policy":
		return "TransmitHashPolicy", value
	case "primary_reselect":
		return "PrimaryReselectPolicy", value
	case "ad_select":
		return "AdSelect", value
	case "fail_over_mac":
		return "FailOverMACPolicy", value
	case "stp":
		return "STP", map[string]string{"1": "yes", "0": "no"}[value]
	case "priority":
		return "Priority", value
	case "forward-delay":
		return "ForwardDelaySec", value
	case "hello-time":
		return "HelloTimeSec", value
	case "max-age":
		return "MaxAgeSec", value
	}
	return "AgeingTimeSec", value
}
