package netconf

import (
	"strings"
	"testing"

	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// FuzzNetwork checks network lines that pass the check. They become devices or an error,
// and text for each tool in which no value breaks out of its line.
func FuzzNetwork(f *testing.F) {
	for _, s := range []string{
		"network --device=bond0 --bondslaves=eth0,eth1 --bondopts=mode=1,primary=eth1 --vlanid=3 --interfacename=x\n",
		"network --device=br0 --bridgeslaves=bond0,enp9s0 --bridgeopts=stp=on,max-age=20\nnetwork --device=bond0 --bondslaves=eth0\n",
		"network --bootproto=static --ip=10.0.0.1 --netmask=255.0.0.0 --gateway=10.0.0.2 --nameserver=::1,1.1.1.1 --ipv6=fe80::1/64 --ipv4-dns-search=a.b --device=link\n",
		"network --device=br0 --bridgeslaves=br0\n", "network --device=lan0 --onboot=off --noipv4 --noipv6 --mtu=99999\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := kickstart.Parse("f.ks", []byte(text))
		if err != nil {
			return
		}
		var lines []Line
		for _, c := range file.Find("network") {
			_, args, problems := engine.ReadCommand(file, c)
			if len(kickstart.Errors(problems)) > 0 {
				return
			}
			lines = append(lines, Read(args))
		}
		devices, err := Resolve(lines, twoNICs(), "eth0")
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, d := range devices {
			if seen[d.Name] || len(d.Name) > 15 && d.MAC != "" || strings.ContainsAny(d.Name, "/ \n\"';$") {
				t.Errorf("a device is called %q", d.Name)
			}
			seen[d.Name] = true
		}
		for _, tool := range []string{ToolIfupdown, ToolNetplan, ToolNetworkManager, ToolNetworkd} {
			for _, file := range Files(tool, devices) {
				text := strings.ReplaceAll(file.Text, "$IFACE", "")
				if strings.ContainsAny(text, "\x00\r$`\\") || strings.Count(file.Path, "/") > 4 {
					t.Errorf("%s: %+v", tool, file)
				}
			}
		}
	})
}
