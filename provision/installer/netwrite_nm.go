package installer

import (
	"crypto/sha1"
	"fmt"
	"strings"
)

// nmFiles are NetworkManager's keyfiles (nm-settings-keyfile(5)), one a device.
func nmFiles(devices []netDevice) []fileStep {
	var out []fileStep
	for _, d := range devices {
		out = append(out, fileStep{
			Path: "/etc/NetworkManager/system-connections/rackhand-" + d.Name + ".nmconnection", Mode: 0o600,
			Text: nmFile(devices, d),
		})
	}
	return out
}

func nmFile(devices []netDevice, d netDevice) string {
	k := newKeyFile()
	k.section("connection")
	k.set("id", d.Name)
	k.set("uuid", nmUUID(d.Name))
	k.set("type", map[string]string{kindCard: "ethernet", kindBond: "bond", kindBridge: "bridge", kindVLAN: "vlan"}[d.Kind])
	if d.MAC == "" { // else by its MAC, whatever it is called
		k.set("interface-name", d.Name)
	}
	k.set("autoconnect", fmt.Sprint(d.OnBoot))
	k.set("autoconnect-priority", "100") // before the image's own
	if d.Master != "" {
		k.set("master", d.Master)
		k.set("slave-type", kindOf(devices, d.Master))
	}
	if len(d.Members) > 0 {
		k.set("autoconnect-slaves", "1")
	}
	switch {
	case d.Kind == kindCard || d.MTU > 0 || d.Own != "":
		k.section("ethernet")
		k.set("mac-address", strings.ToUpper(d.MAC))
		k.set("cloned-mac-address", strings.ToUpper(d.Own))
		k.set("mtu", positive(d.MTU))
	}
	switch d.Kind {
	case kindBond, kindBridge:
		k.section(d.Kind)
		for _, o := range d.Options {
			value := o.Value
			if o.Key == "stp" {
				value = fmt.Sprint(value == "1")
			}
			k.set(o.Key, value)
		}
	case kindVLAN:
		k.section("vlan")
		k.set("id", fmt.Sprint(d.VLAN))
		k.set("parent", d.Parent)
	}
	if d.Master == "" {
		nmAddresses(k, d)
	}
	return k.b.String()
}

func nmAddresses(k *keyFile, d netDevice) {
	family := func(name, how, address, gateway string, six bool) {
		k.section(name)
		switch {
		case how == byNone:
			k.set("method", "disabled")
			return
		case how == byStatic:
			k.set("method", "manual")
			if gateway != "" && !d.NoDefRoute {
				address += "," + gateway
			}
			k.set("address1", address)
		case six && how == byDHCP:
			k.set("method", "dhcp")
		default:
			k.set("method", "auto")
		}
		if how == byDHCP && !six {
			k.set("dhcp-client-id", "mac") // as firmware asked, so that a server gives the same address
		}
		if d.NoDefRoute {
			k.set("never-default", "true")
		}
		var dns []string
		for _, s := range d.DNS {
			if strings.Contains(s, ":") == six {
				dns = append(dns, s+";")
			}
		}
		k.set("dns", strings.Join(dns, ""))
		if len(d.Search) > 0 {
			k.set("dns-search", strings.Join(d.Search, ";")+";")
		}
	}
	family("ipv4", d.V4, d.Address.String(), d.Gateway, false)
	family("ipv6", d.V6, d.Address6.String(), d.Gateway6, true)
}

// nmUUID is the same for a name each time (RFC 9562, version 5, in a space of our
// own): it need be unique on one host alone.
func nmUUID(name string) string {
	b := sha1.Sum([]byte("rackhand network device " + name))
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
