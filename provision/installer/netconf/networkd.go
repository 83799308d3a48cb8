package netconf

import (
	"fmt"
	"strings"
)

// networkdFiles are systemd-networkd's: a .network for each device
// (systemd.network(5)), and a .netdev for each that isn't a card (systemd.netdev(5)).
func networkdFiles(devices []Device) []File {
	var out []File
	file := func(d Device, ending, text string) {
		out = append(out, File{Path: "/etc/systemd/network/20-rackhand-" + d.Name + ending, Mode: 0o644, Text: text})
	}
	for _, d := range devices {
		if d.Kind != kindCard {
			file(d, ".netdev", networkdNetdev(d))
		}
		file(d, ".network", networkdNetwork(devices, d))
	}
	return out
}

func networkdNetdev(d Device) string {
	k := NewKeyFile()
	k.Section("NetDev")
	k.Set("Name", d.Name)
	k.Set("Kind", d.Kind)
	k.Set("MACAddress", d.Own)
	k.Set("MTUBytes", positive(d.MTU))
	switch d.Kind {
	case kindVLAN:
		k.Section("VLAN")
		k.Set("Id", fmt.Sprint(d.VLAN))
	case kindBond, kindBridge:
		k.Section(map[string]string{kindBond: "Bond", kindBridge: "Bridge"}[d.Kind])
		for _, o := range d.Options {
			if o.Key != "primary" { // that is said of the member
				k.Set(networkdOption(o.Key, o.Value))
			}
		}
	}
	return k.String()
}

func networkdNetwork(devices []Device, d Device) string {
	k := NewKeyFile()
	k.Section("Match")
	if d.MAC != "" {
		k.Set("PermanentMACAddress", d.MAC)
	} else {
		k.Set("Name", d.Name)
	}
	if d.MTU > 0 || !d.OnBoot {
		k.Section("Link")
		k.Set("MTUBytes", positive(d.MTU))
		if !d.OnBoot {
			k.Set("ActivationPolicy", "manual")
			k.Set("RequiredForOnline", "no")
		}
	}
	k.Section("Network")
	for _, v := range vlansOn(devices, d.Name) {
		k.Set("VLAN", v)
	}
	if d.Master != "" {
		k.Set(map[string]string{kindBond: "Bond", kindBridge: "Bridge"}[kindOf(devices, d.Master)], d.Master)
		if primaryOf(devices, d.Master) == d.Name {
			k.Set("PrimarySlave", "yes")
		}
		return k.String()
	}
	dhcp := map[[2]bool]string{{true, true}: "yes", {true, false}: "ipv4", {false, true}: "ipv6", {false, false}: "no"}
	k.Set("DHCP", dhcp[[2]bool{d.V4 == byDHCP, d.V6 == byDHCP}])
	if d.V4 == byStatic {
		k.Set("Address", d.Address.String())
	}
	if d.V6 == byStatic {
		k.Set("Address", d.Address6.String())
	}
	if !d.NoDefRoute {
		k.Set("Gateway", d.Gateway)
		k.Set("Gateway", d.Gateway6)
	}
	k.Set("DNS", strings.Join(d.DNS, " "))
	k.Set("Domains", strings.Join(d.Search, " "))
	switch d.V6 {
	case byNone:
		k.Set("LinkLocalAddressing", "no")
		k.Set("IPv6AcceptRA", "no")
	case byStatic:
		k.Set("IPv6AcceptRA", "no")
	}
	if d.V4 == byDHCP {
		k.Section("DHCPv4")
		k.Set("ClientIdentifier", "mac") // as firmware asked, so that a server gives the same address
		if d.NoDefRoute {
			k.Set("UseGateway", "no")
		}
	}
	return k.String()
}

func primaryOf(devices []Device, bond string) string {
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
