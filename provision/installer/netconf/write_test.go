package netconf

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func twoNICs() []NIC {
	return []NIC{{"eth0", "52:54:00:00:00:01"}, {"eth1", "52:54:00:00:00:02"}}
}

// describe says devices as a plan does.
func describe(devices []Device) string {
	out := "network, for the tool that is in the system:"
	for _, d := range devices {
		out += "\n  " + d.String()
	}
	return out
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ")
}

// devicesOf reads network lines as they stand in a Kickstart.
func devicesOf(t *testing.T, text string) ([]Device, error) {
	t.Helper()
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var lines []Line
	for _, c := range f.Commands {
		_, args, problems := engine.ReadCommand(f, c)
		if len(problems) > 0 {
			t.Fatalf("%v", problems)
		}
		lines = append(lines, Read(args))
	}
	return Resolve(lines, twoNICs(), "eth0")
}

// TestNetworkGolden: the files of each tool for each network.
func TestNetworkGolden(t *testing.T) {
	for name, text := range map[string]string{
		"static": "network --bootproto=static --device=52:54:00:00:00:01 --ip=10.77.0.11 --netmask=255.255.255.0 --gateway=10.77.0.1 --nameserver=10.77.0.1,2001:db8::53 --ipv4-dns-search=rack.example",
		"two-cards": "network --bootproto=dhcp --device=bootif --mtu=9000 --noipv6\n" +
			"network --bootproto=static --device=eth1 --ip=10.9.0.2 --netmask=255.255.0.0 --gateway=10.9.0.1 --nodefroute\n" +
			"network --bootproto=dhcp --device=enp9s0 --onboot=off --nodefroute --ipv6=dhcp",
		"ipv6": "network --device=link --noipv4 --ipv6=2001:db8::11/48 --ipv6gateway=fe80::1 --nameserver=2001:db8::53",
		"bond": "network --bootproto=static --ip=10.77.0.11 --netmask=255.255.255.0 --gateway=10.77.0.1 --device=bond0 --mtu=9000 --bondslaves=52:54:00:00:00:01,eth1 " +
			"--bondopts=mode=1,miimon=100,updelay=200,primary=eth1",
		"bond-vlan-bridge": "network --bootproto=dhcp --device=bond0 --bondslaves=eth0,eth1 --bondopts=mode=802.3ad;lacp_rate=fast;xmit_hash_policy=layer3+4;arp_ip_target=10.0.0.1,10.0.0.2;arp_interval=50\n" +
			"network --bootproto=static --ip=10.10.0.11 --netmask=255.255.255.0 --device=bond0 --vlanid=10\n" +
			"network --bootproto=dhcp --device=bond0 --vlanid=20 --interfacename=storage --noipv6\n" +
			"network --bootproto=static --ip=10.30.0.11 --netmask=255.255.255.0 --device=br0 --bridgeslaves=enp9s0 --bridgeopts=stp=no,forward-delay=2,priority=4096",
		"vlan": "network --bootproto=dhcp --device=52:54:00:00:00:01 --vlanid=10 --mtu=1400",
	} {
		t.Run(name, func(t *testing.T) {
			devices, err := devicesOf(t, text+"\n")
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			fmt.Fprintf(&b, "%s\n\n%s\n", text, describe(devices))
			for _, tool := range []string{ToolIfupdown, ToolNetplan, ToolNetworkManager, ToolNetworkd} {
				fmt.Fprintf(&b, "\n==== %s\n", tool)
				files := Files(tool, devices)
				if tool != ToolIfupdown {
					files = files[len(linkFiles(devices)):] // the same for all
				}
				for _, f := range files {
					fmt.Fprintf(&b, "file %s %04o\n%s\n", f.Path, f.Mode, indent(f.Text))
				}
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(golden); err != nil || b.String() != string(want) {
				t.Errorf("%v; this is not %s (-update rewrites it):\n%s", err, golden, b.String())
			}
		})
	}
}

func TestResolveErrors(t *testing.T) {
	for text, want := range map[string]string{
		"network --device=52:54:00:00:00:77": "is not a network card of this machine: eth0 52:54:00:00:00:01",
		"network --device=52:54:00:00:00:01 --bootproto=dhcp\nnetwork --device=eth0 --bootproto=dhcp":                   "mean the same card, lan0 52:54:00:00:00:01",
		"network --device=bond0 --bondslaves=eth0,eth1\nnetwork --device=eth1 --bootproto=dhcp":                         "is a member of bond0",
		"network --device=bond0 --bondslaves=eth0\nnetwork --device=bond1 --bondslaves=52:54:00:00:00:01":               "it is one of bond0",
		"network --device=bond0 --bondslaves=eth0 --bondopts=primary=eth1,mode=1":                                       "is not one of its members",
		"network --device=bond0 --bondslaves=eth0\nnetwork --device=bond0 --bridgeslaves=eth1":                          "two network lines make bond0",
		"network --device=br0 --bridgeslaves=bond0\nnetwork --device=bond0 --bondslaves=br0":                            "in a circle",
		"network --device=eth0 --vlanid=7 --interfacename=v\nnetwork --device=eth1 --vlanid=7 --interfacename=v":        "would be called v",
		"network --device=bond0 --bondslaves=bond1\nnetwork --device=bond1 --bondslaves=eth0":                           "a bond, a member of bond0",
		"network --device=lan0 --bondslaves=eth0\nnetwork --device=lan0 --vlanid=3\nnetwork --device=eth1 --vlanid=3\n": "",
	} {
		_, err := devicesOf(t, text+"\n")
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// The system decides about the tool, whatever other files it has.
func TestNetTool(t *testing.T) {
	for want, names := range map[string][]string{
		ToolNetplan:        {"usr/sbin/netplan", "usr/sbin/NetworkManager", "usr/lib/systemd/systemd-networkd"},
		ToolNetworkManager: {"usr/sbin/NetworkManager", "usr/sbin/ifup", "usr/lib/systemd/systemd-networkd"}, // RHEL's ifup
		ToolIfupdown:       {"usr/sbin/ifup", "etc/network/if-up.d/x", "usr/lib/systemd/systemd-networkd"},
		ToolNetworkd:       {"usr/lib/systemd/systemd-networkd"},
		"":                 {"etc/passwd"},
	} {
		root := fstest.MapFS{}
		for _, n := range names {
			root[n] = &fstest.MapFile{}
		}
		if got := ToolOf(root); got != want {
			t.Errorf("%v: got %q, want %q", names, got, want)
		}
	}
}
