package plan

import (
	"strings"
	"testing"

	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// Every option that the engine's table accepts changes the plan, unless the
// table says that it asks for what is so anyway: none is silently lost.
func TestEveryOptionCounts(t *testing.T) {
	base := readFile(t, "testdata/plans/base.ks")
	facts := twoDisks()
	facts.UEFI = false
	base = strings.Replace(base, "zerombr\n", "ignoredisk --only-use=vda,nvme0n1\n", 1)
	values := map[kickstart.Kind]string{
		kickstart.KindLine: "q", kickstart.KindName: "q", kickstart.KindPath: "/q", kickstart.KindMount: "/q",
		kickstart.KindCount: "7", kickstart.KindIPv4: "10.9.9.9", kickstart.KindIPs: "10.9.9.9",
		kickstart.KindNetmask: "255.255.0.0", kickstart.KindHost: "q", kickstart.KindUser: "q", kickstart.KindGecos: "q",
		kickstart.KindLabel: "q", kickstart.KindURL: "http://q/",
		kickstart.KindSHA256: strings.Repeat("a", 64), kickstart.KindZone: "Q",
		kickstart.KindIface: "lan7", kickstart.KindNetDevice: "q", kickstart.KindNetDevices: "q1,q2", kickstart.KindVLAN: "7",
		kickstart.KindIPv6: "2001:db8::1/64", kickstart.KindIPv6Addr: "fe80::1", kickstart.KindDomains: "q.example",
		kickstart.KindBondOptions: "miimon=7", kickstart.KindBridgeOptions: "stp=1", kickstart.KindPorts: "7:udp", kickstart.KindWords: "q",
		kickstart.KindLocale: "de_DE", kickstart.KindLocales: "de_DE", kickstart.KindPort: "7", kickstart.KindRepoName: "q", kickstart.KindNetHost: "10.9.9.9", kickstart.KindGroups: "q(7)",
	}
	// a line of each command that the option is added to, and what else it takes
	lines := map[engine.Verb]string{
		engine.Bootloader: "bootloader", engine.Group: "group --name=g", engine.IgnoreDisk: "ignoredisk",
		engine.Keyboard: "keyboard us", engine.LiveImg: "", engine.Network: "network --bootproto=static --device=eth1 --ip=10.8.0.2 --netmask=255.255.255.0 --gateway=10.8.0.1",
		engine.Part: "part /q --size=5", engine.RootPW: "rootpw --iscrypted passw0rd", engine.SELinux: "selinux --enforcing",
		engine.Services: "services", engine.SSHKey: "sshkey 'k'", engine.Timezone: "timezone Q", engine.User: "user --name=u --iscrypted --password=passw0rd",
		engine.ClearPart: "clearpart --all --initlabel", engine.Firewall: "firewall", engine.Lang: "lang C.UTF-8",
		engine.TimeSource: "timesource", engine.Repo: "repo --name=r --baseurl=http://r/ --install",
	}
	special := map[string]string{
		"bootloader --boot-drive": "nvme0n1", "clearpart --drives": "nvme0n1", "ignoredisk --only-use": "nvme0n1", "ignoredisk --drives": "vda",
		"network --device": "enp7s0", "network --onboot": "off", "network --bootproto": "dhcp", "part --ondisk": "nvme0n1", "part --fstype": "vfat",
		"network --bridgeopts": "stp=1", "repo --baseurl": "http://s/",
		"part --size": "9", "user --name": "w", "group --name": "w", "sshkey --username": "w", "part --maxsize": "6",
	}
	for _, rule := range engine.Commands() {
		for _, o := range rule.Options {
			name := rule.Names[0] + " " + o.Flag
			// logging is about the installer
			if o.NoOp || rule.Verb == engine.LiveImg || rule.Verb == engine.Logging || storageOption(name) != nil {
				continue // TestEveryStorageOptionCounts
			}
			line, ok := lines[rule.Verb]
			if !ok {
				t.Errorf("%s: this test has no line for it", name)
				continue
			}
			with := o.Flag
			if v, ok := special[name]; ok {
				with += "=" + v
			} else if o.Kind != kickstart.KindNone {
				with += "=" + values[o.Kind]
			}
			plain := line
			switch name { // options that need another one beside them
			case "part --maxsize":
				plain += " --grow"
			case "selinux --disabled", "timesource --ntp-server", "timesource --ntp-pool", "timesource --ntp-disable", "services --enabled", "services --disabled", "sshkey --username":
				plain = "skipx"
			case "selinux --permissive", "selinux --enforcing":
				plain = "selinux --disabled"
			case "network --bondopts":
				plain = "network --device=bond7 --bondslaves=q1,q2"
			case "network --bridgeopts":
				plain = "network --device=br7 --bridgeslaves=q1,q2"
			case "network --bondslaves", "network --bridgeslaves":
				plain = "network --device=bond7"
			case "network --interfacename":
				plain += " --vlanid=7"
			case "network --ipv6gateway":
				plain += " --ipv6=2001:db8::1/64"
			case "network --bootproto", "network --noipv4": // the addresses would be refused
				plain = "network --device=eth1"
			case "repo --install":
				plain = "repo --name=r --baseurl=http://r/"
			case "timesource --nts":
				plain = "timesource --ntp-server=q"
			case "firewall --remove-service":
				plain = "firewall --service=q"
			case "rootpw --iscrypted", "user --iscrypted":
				plain = strings.Replace(line, "--iscrypted", "--plaintext", 1)
			case "ignoredisk --only-use", "ignoredisk --drives":
				plain = "skipx"
			}
			target := plain
			if plain == "skipx" {
				target = line
			}
			if strings.HasPrefix(name, "selinux") {
				target = "selinux"
			}
			if name == "repo --install" {
				target = plain
			}
			if name == "network --bootproto" {
				with = "--bootproto=static --ip=10.8.0.2 --netmask=255.255.255.0"
			}
			place := func(l string) string {
				text := strings.Replace(base, "reboot\n", l+"\nreboot\n", 1)
				if rule.Verb == engine.IgnoreDisk {
					text = strings.Replace(text, "ignoredisk --only-use=vda,nvme0n1\n", "", 1)
					text = strings.Replace(text, "clearpart --all", "clearpart --drives=nvme0n1,vda,sda --all", 1)
				}
				if name == "bootloader --boot-drive" {
					text = strings.Replace(text, "part swap", "part swap --ondisk=nvme0n1", 1)
				}
				return text
			}
			first, err1 := planAll(t, place(plain), facts)
			second, err2 := planAll(t, place(target+" "+with), facts)
			switch {
			case err1 != nil || err2 != nil:
				t.Errorf("%s: %v, %v", name, err1, err2)
			case first == second:
				t.Errorf("%s changes nothing in the plan", name)
			}
		}
	}
}

// The installer knows every verb of the table; that it does is checked by reading
// a command of each.
func TestEveryVerbIsRead(t *testing.T) {
	for _, rule := range engine.Commands() {
		r := &Recipe{}
		err := r.command(&kickstart.Command{Name: rule.Names[0]}, rule.Verb, kickstart.Args{})
		if err != nil {
			t.Errorf("%s: %v", rule.Names[0], err)
		}
	}
	if err := (&Recipe{}).command(&kickstart.Command{}, 999, kickstart.Args{}); err == nil {
		t.Error("verb 999 is known")
	}
}
