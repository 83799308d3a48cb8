package kickstart

import (
	"os"
	"strings"
	"testing"
)

func list(ps []*Problem) string {
	var lines []string
	for _, p := range ps {
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		release Release
		text    string
		want    string // "" for nothing wrong; else how the only problem begins
	}{
		{RHEL9, "part / --size=100 --grow", ""},
		{RHEL9, "part / --si 100", ""},
		{RHEL9, "part / --fs=ext4", "t.ks:1:8: part: --fs is ambiguous (write one of --fsoptions, --fsprofile, --fstype)"},
		{RHEL9, "part / --size", "t.ks:1:8: part: --size needs a value"},
		{RHEL9, "part / --size --grow", "t.ks:1:8: part: --size needs a value"},
		{RHEL9, "part / --size=4M", "t.ks:1:15: part: --size is not a number"},
		{RHEL9, "part / --size=1_000", ""},
		{RHEL9, "part / --grow=1", "t.ks:1:8: part: --grow takes no value"},
		{RHEL9, "part / --groww", "t.ks:1:8: part has no option --groww (did you mean --grow?)"},
		{RHEL9, "part", "t.ks:1:1: part needs a mount point"},
		{RHEL9, "part / /home", "t.ks:1:8: part: one word too many"},
		{RHEL9, "prat /", "t.ks:1:1: RHEL9 has no command prat (did you mean part?)"},
		{RHEL9, "Text", "t.ks:1:1: RHEL9 has no command Text (did you mean text?)"},
		{RHEL9, "user --name=a --uid -1", ""},
		{RHEL9, "user", "t.ks:1:1: user needs --name"},
		{RHEL9, "rootpw -- -foo", ""},
		{RHEL9, "bootloader --location=MBR", "t.ks:1:23: bootloader: --location can't be"},
		{RHEL9, "network --onboot=maybe", "t.ks:1:18: network: --onboot is not on or off"},
		{RHEL9, "url --url=a --mirrorlist=b", "t.ks:1:13: url: --url and --mirrorlist exclude each other"},
		{RHEL9, "ignoredisk", "t.ks:1:1: ignoredisk: needs one of"},
		{RHEL9, "autostep --anything at all", "t.ks:1:1: warning: autostep is deprecated"},
		{RHEL9, "zerombr yes", "t.ks:1:9: zerombr: one word too many"},
		{RHEL9, "authselect select sssd --whatever", ""},
		{RHEL7, "sshkey --username=root 'k'", ""},
		{RHEL7, "rhsm --organization=a", "t.ks:1:1: RHEL7 has no command rhsm (it is known in RHEL8, RHEL9, RHEL10)"},
		{RHEL8, "%certificate --filename=a --dir=b\nx\n%end", "t.ks:1:1: RHEL8 has no section %certificate (it is known in RHEL9, RHEL10, F42, F43, F44)"},
		{RHEL10, "authconfig x", "t.ks:1:1: authconfig has been removed from RHEL10"},
		{F44, "%pre --nochroot\n%end", "t.ks:1:6: %pre has no option --nochroot"},
		{F44, "%post --nochr --interp /bin/bash\n%end", ""},
		{F44, "%packages --timeout=x\n%end", "t.ks:1:21: %packages: --timeout is not a number"},
	} {
		f, err := Parse("t.ks", []byte(c.text))
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		problems, err := Check(f, c.release)
		if err != nil {
			t.Fatal(err)
		}
		got := list(problems)
		if (c.want == "") != (got == "") || !strings.HasPrefix(got, c.want) || len(problems) > 1 {
			t.Errorf("%s %q:\n got %s\nwant %s", c.release, c.text, got, c.want)
		}
	}
}

func TestCheckUnknownRelease(t *testing.T) {
	if _, err := Check(&File{}, "RHEL6"); err == nil {
		t.Error("RHEL6 is known")
	}
}

func TestEveryReleaseHasItsGrammar(t *testing.T) {
	for _, r := range Releases() {
		s, err := LookupSyntax(r)
		if err != nil || len(s.Commands) < 60 || len(s.Sections) < 8 {
			t.Errorf("%s: %v, %+v", r, err, s)
		}
	}
}

func TestGood(t *testing.T) {
	text, err := os.ReadFile("testdata/good.ks")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("good.ks", text)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := Check(f, RHEL9)
	if err != nil || len(problems) > 0 {
		t.Errorf("RHEL9: %v\n%s", err, list(problems))
	}
}
