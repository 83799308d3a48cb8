package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// networkStep writes the network's configuration for the tool that the system has.
type networkStep struct{ Devices []netDevice }

func (s networkStep) String() string {
	out := "network, for the tool that is in the system:"
	for _, d := range s.Devices {
		out += "\n  " + d.String()
	}
	return out
}

// String says a device in one line.
func (d netDevice) String() string {
	words := []string{d.Kind, d.Name}
	add := func(when bool, format string, args ...any) {
		if when {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(d.MAC != "", "= %s", d.MAC)
	add(len(d.Members) > 0, "of %s", strings.Join(d.Members, " "))
	for _, o := range d.Options {
		add(true, "%s=%s", o.Key, o.Value)
	}
	add(d.Own != "", "as %s", d.Own)
	add(d.Parent != "", "id %d on %s", d.VLAN, d.Parent)
	add(d.Master != "", "in %s", d.Master)
	add(d.MTU > 0, "mtu %d", d.MTU)
	add(!d.OnBoot, "by hand")
	if d.Master == "" {
		add(true, "ipv4 %s", d.V4)
		add(d.V4 == byStatic, "%s", d.Address)
		add(d.Gateway != "", "by %s", d.Gateway)
		add(true, "ipv6 %s", d.V6)
		add(d.V6 == byStatic, "%s", d.Address6)
		add(d.Gateway6 != "", "by %s", d.Gateway6)
		add(d.NoDefRoute, "no default route")
		add(len(d.DNS) > 0, "dns %s", strings.Join(d.DNS, " "))
		add(len(d.Search) > 0, "search %s", strings.Join(d.Search, " "))
	}
	return strings.Join(words, " ")
}

func (s networkStep) do(ctx context.Context, m *machine) error {
	var tool string
	err := m.inRoot(func(root *os.Root) error {
		if tool = netTool(root.FS()); tool == "" {
			return errors.New("the image has no tool for its network that is known here: netplan, NetworkManager, ifupdown or systemd-networkd")
		}
		m.Con.Printf("network, by %s", tool)
		for _, f := range netFiles(tool, s.Devices) {
			m.Con.Printf("file %s", f.Path)
			if err := writeFile(root, f.Path, f.Mode, f.Text); err != nil {
				return err
			}
		}
		if st, err := root.Stat("etc/cloud/cloud.cfg.d"); err == nil && st.IsDir() {
			// cloud-init would else set the network up its own way at the first boot
			return writeFile(root, "/etc/cloud/cloud.cfg.d/99-rackhand.cfg", 0o644, written+"network: {config: disabled}\n")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if unit := map[string]string{toolNM: "NetworkManager.service", toolNetworkd: "systemd-networkd.service"}[tool]; unit != "" {
		return m.inTarget(ctx, "", "systemctl", "enable", "--", unit)
	}
	return nil
}

// netTool is the tool that sets the system's network up. Debian's systemd has
// networkd in it always, so that comes last; netplan stands before those that it
// drives.
func netTool(root fs.FS) string {
	has := func(names ...string) bool {
		for _, n := range names {
			if _, err := fs.Stat(root, n); err == nil {
				return true
			}
		}
		return false
	}
	switch {
	case has("usr/sbin/netplan", "usr/bin/netplan"):
		return toolNetplan
	case has("usr/sbin/ifup", "sbin/ifup") && has("etc/network"): // RHEL has an ifup without that folder
		return toolIfupdown
	case has("usr/sbin/NetworkManager", "usr/bin/NetworkManager"):
		return toolNM
	case has("usr/lib/systemd/systemd-networkd", "lib/systemd/systemd-networkd"):
		return toolNetworkd
	}
	return ""
}

// resolvStep says which name servers the system asks. Where systemd-resolved does
// that, its link stays, and what it leads to is in the /run of the install alone.
type resolvStep struct{ Text string }

func (s resolvStep) String() string {
	return "file /etc/resolv.conf 0644, or systemd-resolved's\n" + indent(s.Text)
}

func (s resolvStep) do(_ context.Context, m *machine) error {
	return m.inRoot(func(root *os.Root) error {
		link, err := root.Readlink("etc/resolv.conf")
		if err != nil || !strings.Contains(link, "run/systemd/resolve/") {
			m.Con.Printf("file /etc/resolv.conf")
			return writeFile(root, "/etc/resolv.conf", 0o644, s.Text)
		}
		m.Con.Printf("name servers, for systemd-resolved")
		for _, name := range []string{"stub-resolv.conf", "resolv.conf"} {
			if err := writeFile(root, "/run/systemd/resolve/"+name, 0o644, s.Text); err != nil {
				return err
			}
		}
		return writeFile(root, "/etc/systemd/resolved.conf.d/rackhand.conf", 0o644, resolvedFile(s.Text))
	})
}

// resolvedFile is systemd-resolved's configuration (resolved.conf(5)) from the lines
// of a resolv.conf.
func resolvedFile(text string) string {
	var servers, domains []string
	for line := range strings.Lines(text) {
		switch f := strings.Fields(line); {
		case len(f) > 1 && f[0] == "nameserver":
			servers = append(servers, f[1])
		case len(f) > 1 && f[0] == "search":
			domains = append(domains, f[1:]...)
		}
	}
	k := newKeyFile()
	k.section("Resolve")
	k.set("DNS", strings.Join(servers, " "))
	k.set("Domains", strings.Join(domains, " "))
	return k.b.String()
}
