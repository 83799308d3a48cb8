package netconf

import (
	"io/fs"
	"strings"
)

// ToolOf returns the tool that sets up the network of the system at root, or "" if the system
// has no such tool. Debian's systemd always contains networkd, so networkd comes last. netplan
// comes before the tools that it drives.
func ToolOf(root fs.FS) string {
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
		return ToolNetplan
	case has("usr/sbin/ifup", "sbin/ifup") && has("etc/network"): // RHEL has an ifup without that folder
		return ToolIfupdown
	case has("usr/sbin/NetworkManager", "usr/bin/NetworkManager"):
		return ToolNetworkManager
	case has("usr/lib/systemd/systemd-networkd", "lib/systemd/systemd-networkd"):
		return ToolNetworkd
	}
	return ""
}

// ResolvedConf is systemd-resolved's configuration (resolved.conf(5)) from the lines
// of a resolv.conf.
func ResolvedConf(text string) string {
	var servers, domains []string
	for line := range strings.Lines(text) {
		switch f := strings.Fields(line); {
		case len(f) > 1 && f[0] == "nameserver":
			servers = append(servers, f[1])
		case len(f) > 1 && f[0] == "search":
			domains = append(domains, f[1:]...)
		}
	}
	k := NewKeyFile()
	k.Section("Resolve")
	k.Set("DNS", strings.Join(servers, " "))
	k.Set("Domains", strings.Join(domains, " "))
	return k.String()
}
