package netconf

import (
	"crypto/sha1"
	"fmt"
	"strings"
)

// nmFiles are NetworkManager's keyfiles (nm-settings-keyfile(5)), one a device.
func nmFiles(devices []Device) []File {
	var out []File
	for _, d := range devices {
		out = append(out, File{
			Path: "/etc/NetworkManager/system-connections/rackhand-" + d.Name + ".nmconnection", Mode: 0o600,
			Text: nmFile(devices, d),
		})
	}
	return out
}

func nmFile(devices []Device, d Device) string {
	k := NewKeyFile()
	k.Section("connection")
	k.Set("id", d.Name)
	k.Set("uuid", nmUUID(d.Name))
	k.Set("type", map[string]string{kindCard: "ethernet", kindBond: "bond", kindBridge: "bridge", kindVLAN: "vlan"}[d.Kind])
	if d.MAC == "" { // otherwise by its MAC, whatever its name
		k.Set("interface-name", d.Name)
	}
	k.Set("autoconnect", fmt.Sprint(d.OnBoot))
	k.Set("autoconnect-priority", "100") // before the image's own
	if d.Master != "" {
		k.Set("master", d.Master)
		k.Set("slave-type", kindOf(devices, d.Master))
	}
	if len(d.Members) > 0 {
		k.Set("autoconnect-slaves", "1")
	}
	switch {
	case d.Kind == kindCard || d.MTU > 0 || d.Own != "":
		k.Section("ethernet")
		k.Set("mac-address", strings.ToUpper(d.MAC))
		k.Set("cloned-mac-address", strings.ToUpper(d.Own))
		k.Set("mtu", positive(d.MTU))
	}
	switch d.Kind {
	case kindBond, kindBridge:
		k.Section(d.Kind)
		for _, o := range d.Options {
			value := o.Value
			if o.Key == "stp" {
				value = fmt.Sprint(value == "1")
			}
			k.Set(o.Key, value)
		}
	case kindVLAN:
		k.Section("vlan")
		k.Set("id", fmt.Sprint(d.VLAN))
		k.Set("parent", d.Parent)
	}
	if d.Master == "" {
		nmAddresses(k, d)
	}
	return k.String()
}

func nmAddresses(k *KeyFile, d Device) {
	family := func(name, how, address, gateway string, six bool) {
		k.Section(name)
		switch {
		case how == byNone:
			k.Set("method", "disabled")
			return
		case how == byStatic:
			k.Set("method", "manual")
			if gateway != "" && !d.NoDefRoute {
				address += "," + gateway
			}
			k.Set("address1", address)
		case six && how == byDHCP:
			k.Set("method", "dhcp")
		default:
			k.Set("method", "auto")
		}
		if how == byDHCP && !six {
			k.Set("dhcp-client-id", "mac") // as firmware asked, so that a server gives the same address
		}
		if d.NoDefRoute {
			k.Set("never-default", "true")
		}
		var dns []string
		for _, s := range d.DNS {
			if strings.Contains(s, ":") == six {
				dns = append(dns, s+";")
			}
		}
		k.Set("dns", strings.Join(dns, ""))
		if len(d.Search) > 0 {
			k.Set("dns-search", strings.Join(d.Search, ";")+";")
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
