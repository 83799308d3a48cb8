package inventory

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"rackhand/config/schema"
)

// Names that other programs use, and keys that belong elsewhere. They help more than the
// nearest word, or the list of all keys.

func rootHint(key string) string {
	switch key {
	case "vars", "variables", "kickstart", "role", "system", "install", "answer", "budget", "disk", "bmc", "boot":
		return "write it below defaults:, a group or a host"
	case "subnet", "gateway", "dns", "leases", "domain", "dhcp":
		return "it belongs to a network: networks: {rack1: {subnet: 10.77.0.0/24}}"
	case "mac", "address", "group", "rack":
		return "it belongs to a host: indent it below the host's name, below hosts:"
	case "all", "children":
		return "write hosts: and groups:; a host names its group"
	case "roles":
		return "write it below defaults:, a group or a host; a role itself is a file of the folder roles/"
	case "templates", "secrets":
		return "these are folders of files, not keys"
	}
	return ""
}

func networkHint(key string) string {
	switch key {
	case "router", "gw", "default_gateway":
		return "write gateway: 10.77.0.1"
	case "nameservers", "nameserver", "name_servers", "resolvers":
		return "write dns: [10.77.0.1]"
	case "range", "pool", "dynamic":
		return "write leases: 10.77.0.200-10.77.0.240"
	case "netmask", "mask", "prefix", "cidr", "network", "address":
		return "write subnet: 10.77.0.0/24, address and length in one"
	case "vlan":
		return "write boot: {vlan: 10} to the hosts, a group or defaults"
	case "interface", "interfaces", "device":
		return "the links are named in the configuration, rackhand.yaml"
	case "unsupported":
		return "it belongs to a system"
	case "hosts":
		return "write hosts: in the first column; a host's address says which network it is on"
	case "next_server", "filename", "tftp":
		return "rackhand chooses the boot program of each box; write boot: {program: ipxe.efi} to a host that needs another program"
	}
	return ""
}

func layerHint(key string) string {
	switch key {
	case "vars", "var", "params", "parameters":
		return "write variables:"
	case "ks", "autoinstall", "template", "preseed":
		return "write kickstart: base.ks"
	case "class", "classes", "profiles", "recipes", "run_list":
		return "write roles: [base, web]"
	case "os", "distro", "image", "release", "profile":
		return "write system: and the name of one of systems:"
	case "ipmi", "ilo", "idrac", "redfish":
		return "write bmc: {address: 10.77.0.111, user: admin, password: {secret: bmc/web1}}"
	case "console", "args", "kernel_args", "program", "vlan", "secure_boot":
		return "write it below boot:"
	case "user", "username", "password":
		return "write it below bmc:"
	case "hosts":
		return "write hosts: in the first column, and group: to each host"
	case "mac", "address", "rack", "group":
		return "it belongs to a host"
	case "subnet", "gateway", "dns", "ntp", "domain", "mtu", "leases":
		return "it belongs to a network"
	}
	return ""
}

func hostHint(key string) string {
	switch key {
	case "ip", "ipv4", "ip_address", "ipaddr":
		return "write address:"
	case "macs", "mac_address", "macaddress", "hwaddr", "ethernet", "hardware":
		return "write mac:"
	case "name", "hostname", "fqdn":
		return "a host's name is the key that it stands under"
	case "groups", "profile":
		return "write group: and the name of one; a host is in one group at most"
	case "network", "networks", "subnet":
		return "its address says which network it is on"
	case "location", "unit":
		return "write rack: {name: r1, unit: 12}"
	}
	return layerHint(key)
}

// macHint says why a text is not a MAC.
func macHint(text string) string {
	const six = "write six bytes in hex, such as 52:54:00:00:00:01"
	if _, err := net.ParseMAC(strings.TrimPrefix(text, "-")); err == nil && text[0] == '-' {
		return "put a space after the dash"
	}
	if _, err := net.ParseMAC(text); err == nil {
		return six + "; this has more (InfiniBand, EUI-64)"
	}
	digits := strings.NewReplacer(":", "", "-", "", ".", "", " ", "").Replace(text)
	switch bad := strings.Trim(strings.ToLower(digits), "0123456789abcdef"); {
	case digits == "":
		return six
	case bad == "o" || bad == "l" || bad == "i":
		return six + fmt.Sprintf("; it holds the letter %s, and no such digit", strings.ToUpper(bad))
	case bad != "":
		return six
	case len(digits) == 12:
		return "write it with colons: " + pairs(strings.ToLower(digits))
	}
	return six + fmt.Sprintf("; this has %d digits, not 12", len(digits))
}

func pairs(digits string) string {
	var b strings.Builder
	for i := 0; i+1 < len(digits); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(digits[i : i+2])
	}
	return b.String()
}

// addressHint says how to turn a text into a valid address.
func addressHint(text string) string {
	const four = "write four numbers with dots, such as 10.77.0.11"
	if alone, _, found := strings.Cut(text, "/"); found && isIPv4(alone) {
		return "write " + alone + " alone: the network knows its length"
	}
	if alone, _, found := strings.Cut(text, ":"); found && isIPv4(alone) {
		return "write " + alone + " alone"
	}
	if plain := withoutZeros(text); plain != text && isIPv4(plain) {
		return "write " + plain + ": zeros in front make a number octal to some"
	}
	if fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }); len(fields) > 1 && isIPv4(fields[0]) {
		return "write a list: [" + strings.Join(fields, ", ") + "]"
	}
	if plain := strings.TrimSpace(text); plain != text && isIPv4(plain) {
		return "write " + plain + ", without spaces in the quotes"
	}
	if strings.Trim(text, "0123456789.") != "" {
		return four + "; a name can't be looked up before the boxes are up"
	}
	return four
}

// subnetHint does so for a subnet.
func subnetHint(text string) string {
	addr, length, found := strings.Cut(text, "/")
	plain := withoutZeros(addr)
	switch {
	case !isIPv4(plain):
	case !found:
		return "write " + plain + "/24, if its mask is 255.255.255.0"
	case isIPv4(length):
		mask := netip.MustParseAddr(length).As4()
		if ones, bits := net.IPMask(mask[:]).Size(); bits == 32 {
			return fmt.Sprintf("write %s/%d", plain, ones)
		}
	case plain != addr:
		return "write " + plain + "/" + length + ": zeros in front make a number octal to some"
	}
	return "write a network's address with its length, such as 10.77.0.0/24"
}

// rangeHint does so for a range.
func rangeHint(text string) string {
	a, b, found := strings.Cut(text, "-")
	if found && isIPv4(a) && strings.Trim(b, "0123456789") == "" && b != "" {
		if last := a[:strings.LastIndexByte(a, '.')+1] + b; isIPv4(last) {
			return "write " + a + "-" + last
		}
	}
	if f := strings.Fields(text); len(f) == 3 && isIPv4(f[0]) && isIPv4(f[2]) {
		return "write " + f[0] + "-" + f[2]
	}
	return "write the first and the last address: 10.77.0.200-10.77.0.240"
}

func isIPv4(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && a.Is4()
}

// withoutZeros takes the zeros in front of an address's numbers away.
func withoutZeros(text string) string {
	parts := strings.Split(text, ".")
	for i, p := range parts {
		if trimmed := strings.TrimLeft(p, "0"); trimmed != "" {
			parts[i] = trimmed
		} else if p != "" {
			parts[i] = "0"
		}
	}
	return strings.Join(parts, ".")
}

// free is a hint that names a free address of a network: the first one after a
// given one that no host, gateway or lease has; "" when all are taken.
func (l *loader) free(n *networkDecl, after netip.Addr) string {
	if n == nil || !n.Subnet.IsValid() {
		return ""
	}
	if l.taken == nil {
		l.taken = map[netip.Addr]bool{}
		for _, a := range l.opt.Appliance {
			l.taken[a] = true
		}
		for _, d := range l.hosts {
			l.taken[d.address], l.taken[d.bmc.Addr()] = true, true
		}
		for _, d := range l.networks {
			l.taken[d.Gateway] = true
			for _, r := range d.Routes {
				l.taken[r.Via] = true
			}
		}
	}
	const most = 1 << 16 // a look at more would take longer than the load
	for a, i := after.Next(), 0; i < most && a.IsValid() && n.Subnet.Contains(a); a, i = a.Next(), i+1 {
		if notAHost(n.Subnet, a) == "" && !n.Leases.Contains(a) && !l.taken[a] {
			l.taken[a] = true // two hints don't name the same one
			return a.String()
		}
	}
	if after != n.Subnet.Addr() {
		return l.free(n, n.Subnet.Addr())
	}
	return ""
}

// declare is a hint for a name that isn't there: the nearest of those that are,
// or how to add it.
func declareHint(near, section, name string) string {
	if near != "" {
		return near
	}
	return "add it: " + section + ": {" + name + ": {...}}"
}

// misplaced reports a key of a host that stands where a host's name is expected:
// the host before it has lost its indentation.
func misplaced(name string, key, value schema.Node) bool {
	switch name {
	case "mac", "address", "group", "bmc", "rack", "kickstart", "role", "roles", "system", "install", "answer", "budget", "disk", "boot", "variables":
	default:
		return false
	}
	if value.IsMapping() {
		return false
	}
	key.Problem("indent it by two more spaces, below its host", "%s: stands where a host's name is expected", name)
	return true
}
