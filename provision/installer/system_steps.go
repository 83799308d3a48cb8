package installer

import (
	"strings"

	"rackhand/provision/installer/netconf"
)

// networkStep writes the network's configuration for the tool that the system has.
type networkStep struct{ Devices []netconf.Device }

func (s networkStep) String() string {
	out := "network, for the tool that is in the system:"
	for _, d := range s.Devices {
		out += "\n  " + d.String()
	}
	return out
}

// resolvStep says which name servers the system asks. Where systemd-resolved does
// that, its link stays, and what it leads to is in the /run of the install alone.
type resolvStep struct{ Text string }

func (s resolvStep) String() string {
	return "file /etc/resolv.conf 0644, or systemd-resolved's\n" + indent(s.Text)
}

// localeStep sets the system's language, and makes it and the further ones where
// they are made on the system (Debian's locales).
type localeStep struct {
	Lang string
	More []string
}

func (s localeStep) String() string {
	return strings.TrimSpace("lang " + s.Lang + " " + strings.Join(s.More, " "))
}

// serviceStep enables or disables a unit.
type serviceStep struct {
	Verb, Unit string
	Skip       bool // the system may not have it: a warning says so
}

func (s serviceStep) String() string {
	if s.Skip {
		return s.Verb + " " + s.Unit + ", if it is there"
	}
	return s.Verb + " " + s.Unit
}

// labelStep has the first boot give files their SELinux labels, where SELinux is on:
// what the installer wrote has none, and a shadow without one lets nobody in.
type labelStep struct{}

func (labelStep) String() string { return "label files at the first boot, where SELinux is on" }
