package plan

import (
	"fmt"
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// FirewallStep sets up the firewall that the system has, or disables those that it has.
// Whether it has one is known only once the image and its packages are there. Without one
// the step fails, before the boot loader is installed: a box that should have a firewall
// must not serve without it.
type FirewallStep struct {
	Disabled                bool
	Ports                   []kickstart.Port
	Services, Trust, Remove []string
	Skip                    bool // a service that the system doesn't know stays closed, with a warning
}

// String describes the step.
func (s FirewallStep) String() string {
	if s.Disabled {
		return "disable firewalls"
	}
	out := "enable the firewall that is in the system; services " + strings.Join(s.OpenServices(), " ")
	for _, p := range s.Ports {
		out += ", port " + PortText(p, "-")
	}
	if len(s.Trust) > 0 {
		out += ", trusted " + strings.Join(s.Trust, " ")
	}
	return out
}

// OpenServices are the services that are let in. ssh is one, unless it is removed.
func (s FirewallStep) OpenServices() []string {
	var out []string
	for _, name := range append([]string{"ssh"}, s.Services...) {
		if !slices.Contains(s.Remove, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// PortText is "8080/tcp" or "9000-9010/udp", with dash between the ends of a range.
func PortText(p kickstart.Port, dash string) string {
	if p.First == p.Last {
		return fmt.Sprintf("%d/%s", p.First, p.Proto)
	}
	return fmt.Sprintf("%d%s%d/%s", p.First, dash, p.Last, p.Proto)
}

func readFirewall(a kickstart.Args, skip bool) []Step {
	if a.Has("--use-system-defaults") {
		return nil // the image's own firewall stays as it is
	}
	s := FirewallStep{Skip: skip}
	for _, o := range a.Options {
		switch o.Name() {
		case "--disable": // the last of the two counts
			s.Disabled = true
		case "--enable":
			s.Disabled = false
		case "--http", "--smtp", "--ftp":
			s.Services = append(s.Services, strings.TrimPrefix(o.Name(), "--"))
		case "--trust":
			s.Trust = append(s.Trust, o.Value)
		case "--service": // these add up, as for Anaconda
			s.Services = append(s.Services, kickstart.List(o.Value)...)
		case "--remove-service":
			s.Remove = append(s.Remove, kickstart.List(o.Value)...)
		case "--port":
			ports, _ := kickstart.FirewallPorts(o.Value)
			s.Ports = append(s.Ports, ports...)
		}
	}
	return []Step{s}
}
