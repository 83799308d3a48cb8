package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/templates/kickstart"
)

func (m *machine) doFirewall(ctx context.Context, s plan.FirewallStep) error {
	if s.Disabled {
		for _, unit := range []string{"firewalld.service", "nftables.service", "ufw.service"} {
			if m.hasUnit(unit) {
				if err := m.inTarget(ctx, "", "systemctl", "disable", "--", unit); err != nil {
					return err
				}
			}
		}
		return nil
	}
	has := func(program string) bool { _, err := findProgram(m.target, program); return err == nil }
	switch {
	case has("firewall-offline-cmd"):
		m.Con.Printf("firewall, by firewalld")
		if err := m.inTarget(ctx, "", firewalldCommand(s)...); err != nil {
			return err
		}
		return m.inTarget(ctx, "", "systemctl", "enable", "--", "firewalld.service")
	case has("ufw"), has("nft"):
	default:
		return errors.New("firewall: the system has no firewalld, ufw or nftables: put one into the image or into %packages, or write firewall --disabled")
	}
	ports, err := m.allPorts(s)
	if err != nil {
		return err
	}
	if has("ufw") {
		m.Con.Printf("firewall, by ufw")
		for _, argv := range ufwCommands(s, ports) {
			if err := m.inTarget(ctx, "", argv...); err != nil {
				return err
			}
		}
		// `ufw enable` would load the rules into the installer's own kernel.
		err := m.inRoot(func(root *os.Root) error {
			old, err := root.ReadFile("etc/ufw/ufw.conf")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return writeFile(root, "/etc/ufw/ufw.conf", 0o644, setKey(string(old), "ENABLED", "yes"))
		})
		if err != nil {
			return err
		}
		return m.inTarget(ctx, "", "systemctl", "enable", "--", "ufw.service")
	}
	m.Con.Printf("firewall, by nftables")
	if err := m.inRoot(func(root *os.Root) error {
		return writeFile(root, "/etc/nftables.conf", 0o755, nftablesFile(s, ports))
	}); err != nil {
		return err
	}
	return m.inTarget(ctx, "", "systemctl", "enable", "--", "nftables.service")
}

// allPorts are the ports and those of the services, by the system's /etc/services.
func (m *machine) allPorts(s plan.FirewallStep) ([]kickstart.Port, error) {
	var text []byte
	_ = m.inRoot(func(root *os.Root) (err error) {
		text, err = root.ReadFile("etc/services")
		return err
	})
	out := slices.Clone(s.Ports)
	for _, name := range s.OpenServices() {
		ports := servicePorts(string(text), name)
		if len(ports) == 0 && s.Skip {
			m.Warnf("firewall --service=%s is skipped, and stays closed: the system knows no such service (/etc/services)", name)
			continue
		}
		if len(ports) == 0 {
			return nil, fmt.Errorf("firewall: the system knows no service %s (/etc/services): write --port", name)
		}
		out = append(out, ports...)
	}
	return out, nil
}

// servicePorts looks a service up in /etc/services (services(5)), by its name or an
// alias. ssh is known without.
func servicePorts(text, name string) []kickstart.Port {
	var out []kickstart.Port
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 || !slices.Contains(slices.Concat(f[:1], f[2:]), name) {
			continue
		}
		number, proto, _ := strings.Cut(f[1], "/")
		if p, ok := kickstart.FirewallPorts(number + ":" + proto); ok {
			out = append(out, p...)
		}
	}
	if len(out) == 0 && name == "ssh" {
		return []kickstart.Port{{First: 22, Last: 22, Proto: "tcp"}}
	}
	return out
}

// firewalldCommand is the command line that Anaconda runs too (firewall-offline-cmd(1)).
func firewalldCommand(s plan.FirewallStep) []string {
	argv := []string{"firewall-offline-cmd", "--enabled"}
	for _, t := range s.Trust {
		argv = append(argv, "--trust="+t)
	}
	for _, p := range s.Ports {
		argv = append(argv, "--port="+strings.Replace(plan.PortText(p, "-"), "/", ":", 1))
	}
	for _, r := range s.Remove {
		argv = append(argv, "--remove-service="+r)
	}
	for _, name := range s.OpenServices() {
		argv = append(argv, "--service="+name)
	}
	return argv
}

// ufwCommands are the command lines of ufw(8). While it is disabled they change its files
// alone.
func ufwCommands(s plan.FirewallStep, ports []kickstart.Port) [][]string {
	out := [][]string{{"ufw", "default", "deny", "incoming"}, {"ufw", "default", "allow", "outgoing"}}
	for _, t := range s.Trust {
		out = append(out, []string{"ufw", "allow", "in", "on", t})
	}
	for _, p := range ports {
		if p.Proto == "tcp" || p.Proto == "udp" { // it knows no others
			out = append(out, []string{"ufw", "allow", plan.PortText(p, ":")})
		}
	}
	return out
}

// nftablesFile is /etc/nftables.conf (nft(8)). It drops incoming packets except answers,
// ICMP, DHCPv6 replies, and the ports and services of the firewall line.
func nftablesFile(s plan.FirewallStep, ports []kickstart.Port) string {
	var b strings.Builder
	b.WriteString("#!/usr/sbin/nft -f\n" + netconf.Header + "flush ruleset\n\ntable inet filter {\n\tchain input {\n" +
		"\t\ttype filter hook input priority filter; policy drop;\n\t\tct state established,related accept\n\t\tct state invalid drop\n" +
		"\t\tiifname \"lo\" accept\n\t\tmeta l4proto { icmp, ipv6-icmp } accept\n\t\tudp dport 546 ip6 saddr fe80::/10 accept\n")
	for _, t := range s.Trust {
		fmt.Fprintf(&b, "\t\tiifname %q accept\n", t)
	}
	for _, p := range ports {
		text, _, _ := strings.Cut(plan.PortText(p, "-"), "/")
		fmt.Fprintf(&b, "\t\t%s dport %s accept\n", p.Proto, text)
	}
	b.WriteString("\t}\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n" +
		"\tchain output {\n\t\ttype filter hook output priority filter; policy accept;\n\t}\n}\n")
	return b.String()
}

// setKey sets KEY=VALUE in a file of such lines.
func setKey(text, key, value string) string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), key+"=") && (line != "" || len(out) > 0) {
			out = append(out, line)
		}
	}
	return strings.Join(append(out, key+"="+value), "\n") + "\n"
}
