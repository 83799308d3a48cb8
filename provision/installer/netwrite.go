package installer

import (
	"fmt"
	"slices"
	"strings"
)

// The tools that set a system's network up.
const (
	toolNetplan  = "netplan"
	toolIfupdown = "ifupdown"
	toolNM       = "NetworkManager"
	toolNetworkd = "systemd-networkd"
)

// netFiles are the files that tell a tool of the devices. They are pure text; each
// tool's are in a file of its own.
func netFiles(tool string, devices []netDevice) []fileStep {
	out := linkFiles(devices)
	if slices.ContainsFunc(devices, func(d netDevice) bool { return d.Kind == kindBond }) {
		// else the module makes a bond0 of its own when it is loaded
		out = append(out, fileStep{Path: "/etc/modprobe.d/rackhand-bonding.conf", Mode: 0o644, Text: written + "options bonding max_bonds=0\n"})
	}
	switch tool {
	case toolNetplan:
		return append(out, fileStep{Path: "/etc/netplan/99-rackhand.yaml", Mode: 0o600, Text: netplanFile(devices)})
	case toolIfupdown:
		return append(out, fileStep{Path: "/etc/network/interfaces", Mode: 0o644, Text: interfacesFile(devices)})
	case toolNM:
		return append(out, nmFiles(devices)...)
	default:
		return append(out, networkdFiles(devices)...)
	}
}

// linkFiles have udev name each card by the MAC that it was made with
// (systemd.link(5)), whatever the kernel or its slot would call it, so that bonds
// and VLANs can name it too. The permanent MAC is not that of a bond or VLAN on it.
func linkFiles(devices []netDevice) []fileStep {
	var out []fileStep
	for _, d := range devices {
		if d.Kind == kindCard && d.MAC != "" {
			out = append(out, fileStep{
				Path: "/etc/systemd/network/10-rackhand-" + d.Name + ".link", Mode: 0o644,
				Text: written + "[Match]\nPermanentMACAddress=" + d.MAC + "\n\n[Link]\nName=" + d.Name + "\n",
			})
		}
	}
	return out
}

// written heads each file.
const written = "# written by rackhand-installer from the Kickstart\n"

// vlansOn are the names of the VLANs on a device.
func vlansOn(devices []netDevice, name string) []string {
	var out []string
	for _, d := range devices {
		if d.Parent == name {
			out = append(out, d.Name)
		}
	}
	return out
}

func kindOf(devices []netDevice, name string) string {
	i := slices.IndexFunc(devices, func(d netDevice) bool { return d.Name == name })
	if i < 0 {
		return ""
	}
	return devices[i].Kind
}

// A keyFile is text in sections of KEY=VALUE lines.
type keyFile struct{ b strings.Builder }

func (k *keyFile) section(name string) {
	if k.b.Len() > len(written) {
		k.b.WriteString("\n")
	}
	fmt.Fprintf(&k.b, "[%s]\n", name)
}

// set writes a line, unless the value is empty.
func (k *keyFile) set(key, value string) {
	if value != "" {
		fmt.Fprintf(&k.b, "%s=%s\n", key, value)
	}
}

func newKeyFile() *keyFile {
	k := &keyFile{}
	k.b.WriteString(written)
	return k
}

// positive is a number's text, "" for 0.
func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(n)
}
