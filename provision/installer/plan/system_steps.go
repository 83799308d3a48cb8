package plan

import (
	"strings"

	"rackhand/provision/installer/netconf"
)

// NetworkStep configures the network with the tool that the system has.
type NetworkStep struct{ Devices []netconf.Device }

// String describes the step.
func (s NetworkStep) String() string {
	out := "network, for the tool that is in the system:"
	for _, d := range s.Devices {
		out += "\n  " + d.String()
	}
	return out
}

// ResolvConfStep sets the system's name servers. With systemd-resolved the link
// /etc/resolv.conf stays; the file that it points to exists only during the install.
type ResolvConfStep struct{ Text string }

// String describes the step.
func (s ResolvConfStep) String() string {
	return "file /etc/resolv.conf 0644, or systemd-resolved's\n" + indent(s.Text)
}

// LocaleStep sets the system's language, and generates it and the further ones on systems that
// generate locales (Debian).
type LocaleStep struct {
	Lang string
	More []string
}

// String describes the step.
func (s LocaleStep) String() string {
	return strings.TrimSpace("lang " + s.Lang + " " + strings.Join(s.More, " "))
}

// ServiceStep enables or disables a unit.
type ServiceStep struct {
	Verb, Unit string
	Skip       bool // without the unit: a warning instead of an error
}

// String describes the step.
func (s ServiceStep) String() string {
	if s.Skip {
		return s.Verb + " " + s.Unit + ", if it is there"
	}
	return s.Verb + " " + s.Unit
}

// LabelStep makes the first boot set SELinux labels, where SELinux is on. Files that the
// installer wrote have no label, and logins fail if the shadow file has no label.
type LabelStep struct{}

// String describes the step.
func (LabelStep) String() string { return "label files at the first boot, where SELinux is on" }
