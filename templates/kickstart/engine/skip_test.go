package engine

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

// anacondaHead is the least that a Kickstart for Anaconda has.
const anacondaHead = "lang C.UTF-8\nurl --url=http://mirror/os\nclearpart --all --initlabel\nautopart\n"

func readAs(t *testing.T, u Unsupported, text string) *Reading {
	t.Helper()
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Read(f, u)
}

// TestUnsupportedSkip tries lines of real Kickstarts that an image doesn't support. A line's
// outcome is "" (no message), a warning, or an error.
func TestUnsupportedSkip(t *testing.T) {
	const disks = "lang C.UTF-8\nclearpart --all\n"
	for _, c := range []struct{ text, line, want string }{
		// the payload is the image
		{anacondaHead, "cdrom", ""},
		{anacondaHead, "nfs --server=a --dir=/b", ""},
		{anacondaHead, "harddrive --partition=sda1 --dir=/", ""},
		{anacondaHead, "install", ""},
		{anacondaHead, "key --skip", ""},
		{anacondaHead, "liveimg --url=http://a/b --checksum=" + strings.Repeat("a", 64), ""},
		{anacondaHead, "liveimg --url=http://a/b", "warning: liveimg is skipped: the image of the inventory's system is installed"},
		{anacondaHead, "ostreecontainer --url=quay.io/a", "warning: ostreecontainer is skipped"},
		{anacondaHead, "upgrade", "can't carry out upgrade, and doesn't skip it: it upgrades an installed system"},
		{anacondaHead, "rescue", "can't carry out rescue"},
		// accounts
		{anacondaHead, "authconfig --enableshadow --passalgo=sha512", ""},
		{anacondaHead, "auth --useshadow --passalgo=sha512 --kickstart", ""},
		{anacondaHead, "authconfig --enableshadow --enableldap --winbindjoin=Administrator%secret", "warning: authconfig --enableshadow --enableldap --winbindjoin is skipped: users are authenticated as the image is configured"},
		{anacondaHead, "authselect select sssd with-mkhomedir", "warning: authselect is skipped"},
		{anacondaHead, "realm join --one-time-password=secret example.com", "warning: realm is skipped"},
		// the rest of the system
		{anacondaHead, "text\ngraphical\nvnc --password=secret\nskipx\nunsupported_hardware\nautostep", ""},
		{anacondaHead, "firstboot --disable", ""},
		{anacondaHead, "firstboot --enable", "warning: firstboot is skipped: there is no first-boot wizard"},
		{anacondaHead, "xconfig", ""},
		{anacondaHead, "xconfig --startxonboot", "warning: xconfig is skipped"},
		{anacondaHead, "logging --level=info", ""},
		{anacondaHead, "reboot --kexec", "warning: reboot --kexec is skipped"},
		{anacondaHead, "lang en-US.UTF-8", "warning: lang is skipped"},
		{anacondaHead, "services --enabled=sshd", ""},
		{anacondaHead, "no-such-command", "there is no command no-such-command"},
		{anacondaHead, "timezone --frobnicate", "timezone has no option --frobnicate"},
		// the boot loader
		{anacondaHead, "bootloader --location=mbr --append=quiet", ""},
		{anacondaHead, "bootloader --location=none", "warning: bootloader --location=none is skipped: GRUB is installed on the disk"},
		{anacondaHead, "bootloader --disabled", "warning: bootloader --disabled is skipped"},
		{anacondaHead, "bootloader --driveorder sda,sdb --append=quiet", "warning: bootloader --driveorder is skipped"},
		{anacondaHead, "bootloader --iscrypted --password=secret", "can't carry out bootloader --password, and doesn't skip it: the boot menu would have no password"},
		// network, firewall, packages
		{anacondaHead, "network --bootproto=dhcp --gateway=10.0.0.1", "warning: network --gateway is skipped: the address comes from DHCP"},
		{anacondaHead, "network --hostname=a_b", "warning: network --hostname=a_b is skipped"},
		{anacondaHead, "network --device=wlan0 --essid=a --wpakey=secret", "warning: network is skipped: wireless"},
		{anacondaHead, "network --device=team0 --teamslaves=a,b", "can't carry out network --teamslaves"},
		{anacondaHead, "firewall --enabled --ssh\nfirewall --port=80:tcp", ""},
		{anacondaHead, "firewall --port=http:tcp", "firewall: --port has a value that can't be used"},
		{anacondaHead, "repo --name=a --baseurl=http://a/b --cost=3", "warning: repo --cost is skipped"},
		{anacondaHead, "repo --name=a --mirrorlist=http://a/b", "warning: repo is skipped: packages come from the other repos"},
		{anacondaHead, "repo --name=AppStream --baseurl=file:///run/install/repo", "warning: repo is skipped"},
		{anacondaHead, "%addon com_redhat_kdump --enable --reserve-mb=auto\n%end", "warning: %addon com_redhat_kdump is skipped"},
		{anacondaHead, "%addon com_redhat_kdump --disable\n%end", ""},
		{anacondaHead, "%addon org_fedora_oscap\nprofile = x\n%end", "can't carry out %addon org_fedora_oscap"},
		{anacondaHead, "%anaconda\npwpolicy root\n%end", ""},
		{anacondaHead, "%packages --nobase --default\n@core\n@ Core\n@^minimal-environment\n-@x11\ntmux\n%end", ""},
		{anacondaHead, "%packages\n@development\n%end", "warning: %packages: @development is skipped: an image has no groups"},
		{anacondaHead, "%packages --instLangs=en_US\n%end", "warning: %packages --instLangs is skipped"},
		{anacondaHead, "%packages --inst-langs en_US\n%end", "warning: %packages --inst-langs is skipped"},
		{anacondaHead, "%packages\n-iwl*firmware\n%end", "warning: %packages: -iwl*firmware is skipped"},
		{anacondaHead, "%packages\nRequire @Base\n%end", "warning: %packages: Require @Base is skipped"},
		{anacondaHead, "%packages\n%include /tmp/x\n%end", "can't carry out %include"},
		{anacondaHead, "%packages\ntmux\n-tmux\n%end\n%packages\nvim\n%end", ""},
		{anacondaHead, "%include /tmp/x", "can't carry out %include /tmp/x, and doesn't skip it"},
		{anacondaHead, "%include http://a/x\n%pre\n%end", "can't carry out %include http://a/x, and doesn't skip it"},
		{anacondaHead, "%include x.ks\n%pre\n%end", "can't carry out %include x.ks"},
		{"lang C.UTF-8\n", "%include /tmp/x\nvolgroup v pv.1\n%pre\n%end", "warning: %include /tmp/x can't be checked here: %pre may write it"},
		{anacondaHead, "%pre --interpreter=/usr/bin/python3\n%end", "can't run %pre with /usr/bin/python3"},
		// disks
		{disks, "part / --size=1000", "warning: there is no partition for the boot loader"},
		{disks, "reqpart\npart / --grow", ""},
		{disks, "reqpart\npart /", "needs part with --size"},
		{disks, "reqpart\npart / --size=900 --ondisk=sda --active --asprimary", ""},
		{disks, "reqpart\npart / --size=900 --encrypted --passphrase=secret", "doesn't skip it: the data on it would not be encrypted"},
		{disks, "reqpart\npart / --onpart=sda1", "doesn't skip it: existing data would be lost"},
		{disks, "reqpart\npart / --size=900 --noformat", "can't carry out part --noformat"},
		{disks, "reqpart\npart / --size=900 --mkfsoptions=-N1", "warning: part --mkfsoptions is skipped"},
		{disks, "part prepboot --fstype=prepboot --size=4\nreqpart\npart / --size=900", "warning: part prepboot is skipped"},
		{disks, "part /boot/efi --fstype=vfat --size=200\npart / --size=900", "warning: part --fstype=vfat is skipped: it becomes an EFI system partition"},
		{disks, "reqpart\npart /boot --fstype=xfs --size=200\npart / --size=900", "warning: part --fstype=xfs is skipped: mkfs.xfs refuses so small a file system"},
		{disks, "reqpart\npart / --fstype=btrfs --size=900", "can't carry out part --fstype=btrfs"},
		{disks, "reqpart\npart btrfs.1 --size=900\nbtrfs / btrfs.1", "can't carry out part btrfs.1, and doesn't skip it: there is no btrfs"},
		{disks, "reqpart\npart pv.1 --fstype=lvmpv --size=900\nvolgroup v --pesize=4096 pv.1\nlogvol / --vgname=v --name=r --size=800", ""},
		{disks, "reqpart\npart pv.1 --fstype=ext4 --label=x --size=900\nvolgroup v --pesize=32768 pv.1\nlogvol / --vgname=v --name=r --size=800", "warning: volgroup --pesize=32768 is skipped: extents have 4 MiB"},
		{disks, "reqpart\npart pv.1 --size=900\nvolgroup v pv.1\nlogvol none --thinpool --name=p --vgname=v --size=800\nlogvol / --thin --poolname=p --vgname=v --name=r --size=9000", "can't carry out logvol --thinpool"},
		{disks, "reqpart\npart pv.1 --size=900\nvolgroup v --useexisting\nlogvol / --vgname=v --name=r --size=800", "can't carry out volgroup --useexisting"},
		{disks, "reqpart\npart raid.1 --fstype=mdmember --size=900 --ondisk=a\npart raid.2 --size=900 --ondisk=b\nraid / --level=1 --device=md0 raid.1 raid.2", ""},
		{disks, "reqpart\npart raid.1 --size=900 --ondisk=a\npart raid.2 --size=900 --ondisk=b\nraid / --level=1 --device=md0 --spares=1 raid.1 raid.2", "can't carry out raid --spares"},
		{disks, "reqpart\npart raid.1 --size=900\npart raid.2 --size=900\nraid / --level=5 --device=md0 raid.1 raid.2", "can't carry out raid --level=5"},
		{disks, "reqpart\npart swap --hibernation\npart / --size=900", "warning: part --hibernation is skipped: swap gets the recommended size"},
		{disks, "reqpart\npart / --recommended --size=900", "warning: part --recommended is skipped"},
		{disks, "mount /dev/sda1 /", "can't carry out mount /dev/sda1"},
		{disks, "autopart --type=thinp", "warning: autopart --type=thinp is skipped: the volumes are plain LVM ones"},
		{disks, "autopart --type=btrfs", "warning: autopart --type=btrfs is skipped"},
		{disks, "autopart --type=partition", ""},
		{disks, "autopart --encrypted", "can't carry out autopart --encrypted"},
		{disks, "iscsi --ipaddr=10.0.0.1 --target=x", "can't carry out iscsi"},
		{disks, "timezone UTC", "there is no partition for /"},
		{disks + "autopart\n", "zerombr", ""},
		{disks + "autopart\n", "ignoredisk --only-use=sda", ""},
		{disks + "autopart\n", "ignoredisk --interactive", "can't carry out ignoredisk --interactive"},
		{"lang C.UTF-8\nautopart\n", "clearpart --none --initlabel", "warning: clearpart --none: the install uses a whole blank disk"},
		{"lang C.UTF-8\nautopart\n", "clearpart --linux --drives=sda", "warning: clearpart --linux: the install uses a whole blank disk"},
		{"lang C.UTF-8\nautopart\n", "clearpart --list=sda2", "warning: clearpart --list: the install uses a whole blank disk"},
		{"lang C.UTF-8\nautopart\n", "clearpart --drives=sda --initlabel", "warning: clearpart: the install uses a whole blank disk"},
		{"lang C.UTF-8\nautopart\n", "zerombr", "warning: there is no clearpart: the install uses a whole blank disk"},
		{"lang C.UTF-8\nautopart\n", "clearpart --all --disklabel=msdos", "warning: clearpart --disklabel=msdos is skipped: the partition table is a GPT"},
	} {
		got := texts(readAs(t, Skip, c.text+c.line+"\n").Problems)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %s\nwant %s", c.line, got, c.want)
		}
		if strings.Contains(got, "secret") || strings.Contains(got, "10.0.0.1") && strings.Contains(c.line, "iscsi") {
			t.Errorf("%s: the message shows a value: %s", c.line, got)
		}
	}
}

// Refuse and Skip have two things in common: disabled add-ons, and the partitions that the
// boot loader needs. Nothing else is skipped under Refuse.
func TestUnsupportedBothWays(t *testing.T) {
	image := "liveimg --url=http://a/b --checksum=" + strings.Repeat("a", 64) + "\n"
	for _, c := range []struct{ text, want string }{
		{"clearpart --all\nautopart\n%addon com_redhat_kdump --disable\n%end\n", ""},
		{"clearpart --all\npart / --size=900\n", "warning: there is no partition for the boot loader: biosboot (1 MiB) and /boot/efi (128 MiB) are made"},
		{"clearpart --all\nautopart\n%addon com_redhat_kdump --enable\n%end\n", "can't carry out %addon"},
		{"clearpart --none\nautopart\n", "can't carry out clearpart --none"},
		{"clearpart --all\nautopart\ncdrom\n", "can't carry out cdrom"},
		{"clearpart --all\nautopart\nauthconfig --enableshadow\n", "can't carry out authconfig"},
	} {
		for _, u := range []Unsupported{Refuse, ""} {
			got := texts(readAs(t, u, image+c.text).Problems)
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q %s\n got %s\nwant %s", u, c.text, got, c.want)
			}
		}
	}
}

// Only clearpart --all lets the operator erase a disk, regardless of its other
// options.
func TestSkipKeepsDisks(t *testing.T) {
	for lines, want := range map[string]string{
		"clearpart --all":                                 "",
		"clearpart --all --drives=sda":                    "",
		"clearpart --none --all":                          "",
		"clearpart --all --none":                          "clearpart --none",
		"clearpart --linux":                               "clearpart --linux",
		"clearpart --list=sda2,sda3":                      "clearpart --list",
		"clearpart --all --list=sda2":                     "clearpart --list",
		"clearpart --initlabel":                           "clearpart",
		"clearpart":                                       "clearpart",
		"clearpart --all\nclearpart --linux":              "clearpart --linux",
		"clearpart --linux\nclearpart --all --drives=sda": "clearpart --linux",
		"zerombr": "no clearpart",
		"clearpart --none --drives=sda --disklabel=msdos": "clearpart --none",
		"clearpart --li":  "", // ambiguous: an error
		"clearpart --non": "clearpart --none",
		"ignoredisk --only-use=sda\nclearpart --drives=sdb": "clearpart",
	} {
		r := readAs(t, Skip, "autopart\n"+lines+"\n")
		if lines == "clearpart --li" {
			if len(kickstart.Errors(r.Problems)) == 0 {
				t.Errorf("%s is taken", lines)
			}
			continue
		}
		if bad := kickstart.Errors(r.Problems); len(bad) > 0 {
			t.Errorf("%s: %s", lines, texts(bad))
		}
		if r.Keep != want {
			t.Errorf("%s: Keep is %q, want %q", lines, r.Keep, want)
		}
		var drives []string
		for _, c := range r.File.Find("clearpart") {
			_, args, _ := ReadCommand(r.File, c)
			drives = append(drives, args.List("--drives")...)
		}
		if strings.Contains(lines, "--drives=") != (len(drives) > 0) {
			t.Errorf("%s: the drives became %v", lines, drives)
		}
	}
}

// The strict engine carries out the rest, and nothing of it is lost.
func TestSkipLeavesTheRest(t *testing.T) {
	r := readAs(t, Skip, `url --url=http://a/
bootloader --driveorder sda --append="a b" --location=none --timeout=3
part pv.1 --fstype lvmpv --grow --ondisk=sda
clearpart --linux --drives=sda
volgroup v --pesize=8192 pv.1
logvol / --vgname=v --name=r --size=1000 --mkfsoptions="-m 1"
firewall --enabled --port=80:tcp
firewall --port=443:tcp --service=ssh
%packages
@core
tmux
-vim
vim
%end
%packages --excludedocs --instLangs=en_US
nano
-nano
%end
`)
	if bad := kickstart.Errors(r.Problems); len(bad) > 0 {
		t.Fatal(texts(bad))
	}
	var got []string
	for _, c := range r.File.Commands {
		words := []string{c.Name}
		for _, w := range c.Words {
			words = append(words, w.Text)
		}
		got = append(got, strings.Join(words, "|"))
	}
	for _, s := range r.File.Sections {
		p, problems := ReadPackages(r.File, s)
		got = append(got, fmt.Sprint(p.Install, p.Exclude, p.IgnoreMissing, p.ExcludeDocs, problems))
	}
	want := []string{
		"bootloader|--append=a b|--timeout=3",
		"part|pv.1|--grow|--ondisk=sda|--size=1",
		"clearpart|--all|--drives=sda",
		"volgroup|v|pv.1",
		"logvol|/|--vgname=v|--name=r|--size=1000",
		"firewall|--enabled|--port=80:tcp|--port=443:tcp|--service=ssh",
		"[tmux vim] [nano] true true []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("left is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A list that is cut says so.
func TestSkipListsAllOrSaysSo(t *testing.T) {
	r := readAs(t, Skip, anacondaHead+"%packages\n"+strings.Repeat("@a\n", kickstart.MaxProblems+7)+"%end\n")
	if n := len(r.Problems); n != kickstart.MaxProblems+1 || r.Problems[n-1].Message != "7 more things are skipped with a warning, and not listed" {
		t.Errorf("%d problems, the last one %v", n, r.Problems[n-1])
	}
}

func FuzzRead(f *testing.F) {
	good, err := os.ReadFile("../testdata/good.ks")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	for _, text := range corpus(f) {
		f.Add(text)
	}
	f.Add(anacondaHead + "part / --size=1 --encrypted\n%packages\n@core\n-x*\n%end\n")
	f.Add("clearpart --none --list= --\nfirewall\nfirewall --\npart -- --\nnetwork --ip --gateway\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		file, err := kickstart.Parse("f.ks", []byte(text))
		if err != nil {
			return
		}
		strict, skip := Read(file, Refuse), Read(file, Skip)
		if len(kickstart.Errors(strict.Problems)) == 0 && len(kickstart.Errors(skip.Problems)) > 0 {
			t.Errorf("what is carried out is refused under Skip: %s", texts(kickstart.Errors(skip.Problems)))
		}
		if len(kickstart.Errors(skip.Problems)) > 0 {
			return
		}
		// The rest needs no second check, except for an image.
		again := &kickstart.Problems{File: "f.ks"}
		imageProblems(again, skip.File, true, len(skip.Includes) > 0)
		if bad := kickstart.Errors(again.List); len(bad) > 0 {
			t.Errorf("what is left is refused: %s", texts(bad))
		}
		all := true
		for _, c := range file.Find("clearpart") {
			if _, args, _ := ReadCommand(file, c); !args.Has("--all") {
				all = false
			}
		}
		if skip.Keep == "" && (!all || len(file.Find("clearpart")) == 0) {
			t.Error("a disk may be wiped that the Kickstart doesn't clear")
		}
	})
}

// Messages about skipped parts don't show the passwords of URLs.
func TestSkippedHoldsNoSecrets(t *testing.T) {
	f, err := kickstart.Parse("ks", []byte("autopart\n%packages\nhttps://user:hunter2@mirror.example/x.rpm\n%end\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Read(f, Skip).Problems {
		if strings.Contains(p.Error(), "hunter2") {
			t.Errorf("%v", p)
		}
	}
}
