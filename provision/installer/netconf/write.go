package netconf

import (
	"fmt"
	"slices"
	"strings"
)

// The tools that set a system's network up.
const (
	ToolNetplan        = "netplan"
	ToolIfupdown       = "ifupdown"
	ToolNetworkManager = "NetworkManager"
	ToolNetworkd       = "systemd-networkd"
)

// A File is a file of the installed system.
type File struct {
	Path string
	Mode uint32 // permissions
	Text string
}

// Files are the files that configure the devices with a tool (ToolNetplan, ...).
func Files(tool string, devices []Device) []File {
	out := linkFiles(devices)
	if slices.ContainsFunc(devices, func(d Device) bool { return d.Kind == kindBond }) {
		// without it the module makes a bond0 of its own when it is loaded
		out = append(out, File{Path: "/etc/modprobe.d/rackhand-bonding.conf", Mode: 0o644, Text: Header + "options bonding max_bonds=0\n"})
	}
	switch tool {
	case ToolNetplan:
		return append(out, File{Path: "/etc/netplan/99-rackhand.yaml", Mode: 0o600, Text: netplanFile(devices)})
	case ToolIfupdown:
		return append(out, File{Path: "/etc/network/interfaces", Mode: 0o644, Text: interfacesFile(devices)})
	case ToolNetworkManager:
		return append(out, nmFiles(devices)...)
	default:
		return append(out, networkdFiles(devices)...)
	}
}

// linkFiles have udev name each card by the MAC that it was made with
// (systemd.link(5)), whatever the kernel or its slot would call it, so that bonds
// and VLANs can name it too. A bond or VLAN on the card doesn't share its permanent MAC.
func linkFiles(devices []Device) []File {
	var out []File
	for _, d := range devices {
		if d.Kind == kindCard && d.MAC != "" {
			out = append(out, File{
				Path: "/etc/systemd/network/10-rackhand-" + d.Name + ".link", Mode: 0o644,
				Text: Header + "[Match]\nPermanentMACAddress=" + d.MAC + "\n\n[Link]\nName=" + d.Name + "\n",
			})
		}
	}
	return out
}

// Header is the first line of each file.
const Header = "# written by rackhand-installer from the Kickstart\n"

// vlansOn are the names of the VLANs on a device.
func vlansOn(devices []Device, name string) []string {
	var out []string
	for _, d := range devices {
		if d.Parent == name {
			out = append(out, d.Name)
		}
	}
	return out
}

func kindOf(devices []Device, name string) string {
	i := slices.IndexFunc(devices, func(d Device) bool { return d.Name == name })
	if i < 0 {
		return ""
	}
	return devices[i].Kind
}

// A KeyFile is text in sections of KEY=VALUE lines.
type KeyFile struct{ b strings.Builder }

// Section begins a section.
func (k *KeyFile) Section(name string) {
	if k.b.Len() > len(Header) {
		k.b.WriteString("\n")
	}
	fmt.Fprintf(&k.b, "[%s]\n", name)
}

// Set writes a line, unless the value is empty.
func (k *KeyFile) Set(key, value string) {
	if value != "" {
		fmt.Fprintf(&k.b, "%s=%s\n", key, value)
	}
}

// String is the text so far.
func (k *KeyFile) String() string { return k.b.String() }

// NewKeyFile begins with Header.
func NewKeyFile() *KeyFile {
	k := &KeyFile{}
	k.b.WriteString(Header)
	return k
}

// positive is a number's text, "" for 0.
func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(n)
}
