package engine

import (
	"os"
	"slices"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

func TestCheck(t *testing.T) {
	text, err := os.ReadFile("../testdata/good.ks")
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	sum := strings.Repeat("0", 64)
	for _, c := range []struct{ old, with, want string }{
		{"text\n", "texxt\n", "there is no command texxt (did you mean text?)"},
		{"text\n", "autopart\n", "part doesn't go with autopart of line 12"},
		{"text\n", "btrfs none a\n", "rackhand-installer can't carry out btrfs"},
		{"text\n", "%include /tmp/part.ks\n", "rackhand-installer can't carry out %include"},
		{"--fstype=ext4 --size=1024", "--fstype=btrfs --size=1024", "can't carry out part --fstype=btrfs (it can do ext4"},
		{"--label=root", "--encrypted", "can't carry out part --encrypted"},
		{"--label=root", "--label='a b'", "part: --label has a value that can't be used (it must be a label"},
		{"--ip=10.77.0.11", "--ip=10.77.0.300", "network: --ip has a value that can't be used (it must be an IPv4"},
		{"--ip=10.77.0.11", "", "network --bootproto=static needs --ip and --netmask"},
		{"--netmask=255.255.255.0", "--netmask=255.0.255.0", "network: --netmask has a value"},
		{"--all ", "", "needs clearpart with --all"},
		{"clearpart", "# ", "lays out whole disks"},
		{"part / ", "part /home ", "there is no partition for /"},
		{"part swap --fstype=swap --siz=256", "part / --size=2", "/ is laid out twice; first in line 21"},
		{"part biosboot --fstype=biosboot --size=1\npart /boot/efi --fstype=efi --size 128\n", "", "there is no partition for the boot loader: biosboot (1 MiB) and /boot/efi (128 MiB) are made"},
		{"--fstype=efi", "--fstype=ext4", ""},
		{"part /boot/efi", "part /efi", "the EFI system partition can't be /efi (mount it on /boot/efi)"},
		{"--size=1\n", "--size=0\n", "part biosboot has no size"},
		{"liveimg", "# ", "there is nothing to install"},
		{"reboot", "liveimg --url=http://a/ --checksum=" + sum, "a second liveimg"},
		{" --checksum", " #", "needs liveimg with --checksum"},
		{"--checksum=0", "--checksum=x", "it must be a SHA-256"},
		{"--url=http:", "--url=nfs:", "it must be an http or https URL"},
		{"firewall --disabled", "firewall --enabled --port=80:tcp,8000-8010:udp,443 --service=ssh,http --trust=lan1 --remove-service=dns", ""},
		{"firewall --disabled", "firewall --port=http:tcp", "ports by their numbers"},
		{"firewall --disabled", "firewall --port=90-80:tcp", "ports by their numbers"},
		{"firewall --disabled", "firewall --disabled\nfirewall --enabled", "a second firewall; the first is in line 11"},
		{"selinux --disabled", "selinux --enforcing", ""},
		{"rootpw --iscrypted", "rootpw --allow-ssh --iscrypted", ""},
		{"lang C.UTF-8", "lang de_DE.UTF-8 --addsupport=fr_FR.UTF-8,C", ""},
		{"lang C.UTF-8", "lang de_DE,fr_FR", "it must be a locale"},
		{"lang C.UTF-8", "lang 'C;x'", "it must be a locale"},
		{"--xlayouts=us", "--xlayouts=us,de --switch=grp:alt_shift_toggle", ""},
		{"--groups=adm,sudo", "--groups=adm,ops(2000)", ""},
		{"--groups=adm,sudo", "--groups=adm,ops(x)", "NAME or NAME(GID)"},
		{"skipx", "authselect select sssd", "can't carry out authselect (run the tool in a %post)"},
		{"skipx", "url --url=http://a/", "can't carry out url (the system is an image"},
		{"skipx", "timesource --ntp-server=10.0.0.1\ntimesource --ntp-pool=pool.example.net --nts\ntimesource --ntp-disable", ""},
		{"skipx", "timesource --ntp-server='a b'", "a host name or an address"},
		{"skipx", "logging --host=10.0.0.1 --port=1514", ""},
		{"skipx", "logging --host=10.0.0.1 --port=0", "a port from 1 to 65535"},
		{"skipx", "repo --name=debian --baseurl=http://10.77.0.1/mirror/debian --install", ""},
		{"skipx", "repo --name=debian", "needs repo with --baseurl"},
		{"skipx", "repo --name=../x --baseurl=http://a/", "a name of letters"},
		{"skipx", "repo --name=d --baseurl=http://a/ --cost=1", "can't carry out repo --cost"},
		{"skipx", "repo --name=d --baseurl=http://a/\nrepo --name=d --baseurl=http://b/", "a second repo d; the first is in line 13"},
		{"skipx", "firstboot --enable", "can't carry out firstboot --enable"},
		{"reboot", "reboot --kexec", "can't carry out reboot --kexec"},
		{"timezone Etc/UTC --utc", "timezone Etc/UTC --utc --ntpservers=10.0.0.1,10.0.0.2", ""},
		{"%pre --erroronfail", "%pre --interpreter=/usr/bin/python3", "can't run %pre with /usr/bin/python3"},
		{"%post --nochroot", "%post --interpreter=/usr/bin/python3", ""},
		{"--log=/tmp/post.log", "--log=../x", "%post: --log can't be used"},
		{"%pre --erroronfail", "%addon x", "can't carry out %addon"},
		{"echo \"a # stays\"\n%end", "%end\n%packages --ignoremissing --excludedocs --exclude-weakdeps --nocore --timeout=5 --retries=2\n# more\ntmux # a comment\n-vim\ng++\nlibfoo1.2:amd64\n%end", ""},
		{"echo \"a # stays\"\n%end", "%end\n%packages\ntmux\n@core\n%end", "good.ks:31:1: rackhand-installer adds packages to an image, and a group"},
		{"echo \"a # stays\"\n%end", "%end\n%packages\n-@core\n%end", "a group makes no sense on one: -@core"},
		{"echo \"a # stays\"\n%end", "%end\n%packages\ntmux vim\n%end", "tmux vim is not one package"},
		{"echo \"a # stays\"\n%end", "%end\n%packages\nphp*\n%end", "takes no patterns"},
		{"echo \"a # stays\"\n%end", "%end\n%packages\nvim-\n%end", "can't be a package's name"},
		{"echo \"a # stays\"\n%end", "%end\n%packages\n--purge\n%end", "can't be a package's name"},
		{"echo \"a # stays\"\n%end", "%end\n%packages\nvim\n-vim\n%end", "wanted and unwanted; first in line 30"},
		{"echo \"a # stays\"\n%end", "%end\n%packages --default\nvim\n%end", "can't carry out %packages --default"},
		{"echo \"a # stays\"\n%end", "%end\n%packages\na\n%end\n%packages\nb\n%end", "a second %packages"},
		{"skipx", "network --device=bond0 --bondslaves=lan1,52:54:00:00:00:09 --bondopts=mode=4,lacp_rate=1,miimon=100 --vlanid=7 --interfacename=storage --ipv6=2001:db8::1/64 --ipv6gateway=fe80::1", ""},
		{"skipx", "network --device=br0 --bridgeslaves=eth1 --bridgeopts=stp=yes,forward-delay=0 --bootproto=dhcp --ipv6=dhcp", ""},
		{"skipx", "network --device=bond0 --bondslaves=a,b --bondopts=mode=7", "such as mode=802.3ad"},
		{"skipx", "network --device=bond0 --bondslaves=a,b --bondopts=moode=1", "known are ad_select"},
		{"skipx", "network --device=bond0 --bondslaves=a,b --bridgeslaves=c", "can't be a bond and a bridge"},
		{"skipx", "network --bondslaves=a,b", "needs a name by --device"},
		{"skipx", "network --device=bond0 --bondslaves=a,a", "a is made a member twice"},
		{"skipx", "network --device=a --bondopts=mode=1", "--bondopts needs --bondslaves"},
		{"skipx", "network --device=a --interfacename=b", "--interfacename needs --vlanid"},
		{"skipx", "network --device=a --vlanid=4095", "a number from 1 to 4094"},
		{"skipx", "network --device=a --teamslaves=b", "can't carry out network --teamslaves"},
		{"skipx", "network --device='a;b'", "a card's name, its MAC, link or bootif"},
		{"skipx", "network --device=a\nnetwork --device=a", "a second line for the same device; first in line 13"},
		{"skipx", "network --device=a --ip=10.0.0.1", "--ip needs --bootproto=static"},
		{"skipx", "network --device=a --ipv6gateway=fe80::1", "--ipv6gateway needs --ipv6=ADDRESS"},
		{"skipx", "network --device=a --ipv6=auto --noipv6", "exclude each other"},
		{"skipx", "network --device=a --ipv6=10.0.0.1", "an IPv6 address such as"},
		{"echo \"a # stays\"", "%include /tmp/x", "can't carry out %include"},
		{"--name=op", "--name=op:x", "it must be a user name"},
		{"op@desk\"", "op@desk\" more", "sshkey: one word too many"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("good.ks has no %q", c.old)
		}
		f, err := kickstart.Parse("good.ks", []byte(strings.Replace(good, c.old, c.with, 1)))
		if err != nil {
			t.Errorf("%q: %v", c.with, err)
			continue
		}
		problems, err := Check(f, Image)
		if err != nil {
			t.Fatal(err)
		}
		got := texts(problems)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) || len(problems) > 1 {
			t.Errorf("%q:\n got %s\nwant %s", c.with, got, c.want)
		}
	}
}

// The table names commands and options that the grammar knows, by their first
// spelling, and every verb once or more.
func TestImageTableIsKickstart(t *testing.T) {
	s, err := kickstart.LookupSyntax(imageRelease)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range Commands() {
		for _, name := range rule.Names {
			spec := s.Commands[name]
			if spec == nil {
				t.Errorf("no command %s in %s", name, imageRelease)
				continue
			}
			for _, o := range rule.Options {
				i := slices.IndexFunc(spec.Options, func(os kickstart.OptionSpec) bool { return slices.Contains(os.Flags, o.Flag) })
				if i < 0 {
					t.Errorf("%s has no %s", name, o.Flag)
				} else if spec.Options[i].TakesValue == (o.Kind == kickstart.KindNone) && spec.Options[i].Type != "ksboolean" {
					t.Errorf("%s %s: the table and the grammar disagree whether it takes a value", name, o.Flag)
				}
			}
		}
	}
}

func TestCheckUnknown(t *testing.T) {
	if _, err := Check(&kickstart.File{}, "anaconda"); err == nil {
		t.Error("anaconda has a table")
	}
}

func texts(ps []*kickstart.Problem) string {
	var lines []string
	for _, p := range ps {
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}
