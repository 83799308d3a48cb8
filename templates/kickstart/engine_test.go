package kickstart

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCheckEngine(t *testing.T) {
	text, err := os.ReadFile("testdata/good.ks")
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
		{"part biosboot --fstype=biosboot --size=1\npart /boot/efi --fstype=efi --size 128\n", "", "the disk could not be booted"},
		{"--fstype=efi", "--fstype=ext4", ""},
		{"part /boot/efi", "part /efi", "the EFI system partition can't be /efi (mount it on /boot/efi)"},
		{"--size=1\n", "--size=0\n", "part biosboot has no size"},
		{"liveimg", "# ", "there is nothing to install"},
		{"reboot", "liveimg --url=http://a/ --checksum=" + sum, "a second liveimg"},
		{" --checksum", " #", "needs liveimg with --checksum"},
		{"--checksum=0", "--checksum=x", "it must be a SHA-256"},
		{"--url=http:", "--url=nfs:", "it must be an http or https URL"},
		{"firewall --disabled", "firewall --enabled", "can't carry out firewall --enable"},
		{"%pre --erroronfail", "%pre --interpreter=/usr/bin/python3", "can't run %pre with /usr/bin/python3"},
		{"%post --nochroot", "%post --interpreter=/usr/bin/python3", ""},
		{"--log=/tmp/post.log", "--log=../x", "%post: --log can't be used"},
		{"%pre --erroronfail", "%addon x", "can't carry out %addon"},
		{"%pre --erroronfail", "%packages", "installs an image, no packages"},
		{"echo \"a # stays\"", "%include /tmp/x", "can't carry out %include"},
		{"--name=op", "--name=op:x", "it must be a user name"},
		{"op@desk\"", "op@desk\" more", "sshkey: one word too many"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("good.ks has no %q", c.old)
		}
		f, err := Parse("good.ks", []byte(strings.Replace(good, c.old, c.with, 1)))
		if err != nil {
			t.Errorf("%q: %v", c.with, err)
			continue
		}
		problems, err := CheckEngine(f, EngineImage)
		if err != nil {
			t.Fatal(err)
		}
		got := list(problems)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) || len(problems) > 1 {
			t.Errorf("%q:\n got %s\nwant %s", c.with, got, c.want)
		}
	}
}

// The table names commands and options that the grammar knows, by their first
// spelling, and every verb once or more.
func TestImageTableIsKickstart(t *testing.T) {
	s, err := LookupSyntax(imageRelease)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range ImageCommands() {
		for _, name := range rule.Names {
			spec := s.Commands[name]
			if spec == nil {
				t.Errorf("no command %s in %s", name, imageRelease)
				continue
			}
			for _, o := range rule.Options {
				i := slices.IndexFunc(spec.Options, func(os OptionSpec) bool { return slices.Contains(os.Flags, o.Flag) })
				if i < 0 {
					t.Errorf("%s has no %s", name, o.Flag)
				} else if spec.Options[i].TakesValue == (o.Kind == KindNone) && spec.Options[i].Type != "ksboolean" {
					t.Errorf("%s %s: the table and the grammar disagree whether it takes a value", name, o.Flag)
				}
			}
		}
	}
}

func TestCheckEngineUnknown(t *testing.T) {
	if _, err := CheckEngine(&File{}, "anaconda"); err == nil {
		t.Error("anaconda has a table")
	}
}

func TestMaskBits(t *testing.T) {
	for mask, want := range map[string]int{"255.255.255.0": 24, "255.255.255.255": 32, "128.0.0.0": 1, "255.255.254.0": 23} {
		if got, ok := MaskBits(mask); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", mask, got, ok, want)
		}
	}
	for _, mask := range []string{"", "0.0.0.0", "255.0.255.0", "0.255.255.255", "ffff::", "x"} {
		if got, ok := MaskBits(mask); ok {
			t.Errorf("%s: %d", mask, got)
		}
	}
}
