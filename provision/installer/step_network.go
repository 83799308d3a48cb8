package installer

import (
	"context"
	"errors"
	"os"
	"strings"

	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
)

func (m *machine) doNetwork(ctx context.Context, s plan.NetworkStep) error {
	var tool string
	err := m.inRoot(func(root *os.Root) error {
		if tool = netconf.ToolOf(root.FS()); tool == "" {
			return errors.New("the image has no tool for its network that is known here: netplan, NetworkManager, ifupdown or systemd-networkd")
		}
		m.Con.Printf("network, by %s", tool)
		for _, f := range netconf.Files(tool, s.Devices) {
			m.Con.Printf("file %s", f.Path)
			if err := writeFile(root, f.Path, f.Mode, f.Text); err != nil {
				return err
			}
		}
		if st, err := root.Stat("etc/cloud/cloud.cfg.d"); err == nil && st.IsDir() {
			// cloud-init would else set the network up its own way at the first boot
			return writeFile(root, "/etc/cloud/cloud.cfg.d/99-rackhand.cfg", 0o644, netconf.Header+"network: {config: disabled}\n")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if unit := map[string]string{netconf.ToolNetworkManager: "NetworkManager.service", netconf.ToolNetworkd: "systemd-networkd.service"}[tool]; unit != "" {
		return m.inTarget(ctx, "", "systemctl", "enable", "--", unit)
	}
	return nil
}

func (m *machine) doResolvConf(_ context.Context, s plan.ResolvConfStep) error {
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
		return writeFile(root, "/etc/systemd/resolved.conf.d/rackhand.conf", 0o644, netconf.ResolvedConf(s.Text))
	})
}
