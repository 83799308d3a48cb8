package templates_test

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/templates"
	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// A form is one way to fill in a template: the values of one variable, by names.
type form struct {
	name string
	vars map[string]any
}

func profiles() []form {
	return []form{{"minimal", nil}, {"server", map[string]any{"profile": "server"}}}
}

func layouts() []form {
	two := []any{"sda", "sdb"}
	return []form{
		{"plain", nil},
		{"lvm", map[string]any{"layout": "lvm", "disks": []any{"nvme0n1"}}},
		{"raid1", map[string]any{"layout": "raid1", "disks": two}},
		{"raid1-lvm", map[string]any{"layout": "raid1-lvm", "disks": []any{"sda", "sdb", "sdc"}}},
		{"raid1-bios", map[string]any{"layout": "raid1", "firmware": "bios", "disks": two}},
	}
}

func networks() []form {
	bond := map[string]any{"name": "bond0", "slaves": []any{"eno1", "eno2"}, "mode": "802.3ad", "options": "miimon=100,lacp_rate=1"}
	return []form{
		{"static", nil},
		{"dhcp", map[string]any{"network": "dhcp"}},
		{"bond", map[string]any{"bond": bond}},
		{"vlan", map[string]any{"vlan": "10"}},
		{"bond-vlan-dhcp", map[string]any{"bond": map[string]any{"slaves": []any{"eno1", "eno2"}}, "vlan": "4094", "network": "dhcp"}},
	}
}

// extras are the settings that a host may have beside its forms.
func extras() []form {
	return []form{
		{"bare", nil},
		{"full", map[string]any{
			"root_password": "root", "root_ssh": "yes", "ssh_keys": []any{"ssh-ed25519 AAAA it's me", "ssh-ed25519 BBBB you"},
			"ntp": []any{"10.77.0.1", "10.77.0.2"}, "packages": []any{"tmux", "-plymouth", "@development"}, "install_url": "http://10.77.0.1/media/x",
			"firewall_ports": []any{"80:tcp", "443:tcp"}, "selinux": "permissive", "authselect": "select sssd with-mkhomedir", "keyboard": "de", "timezone": "Europe/Berlin",
		}},
	}
}

// families are the templates for Anaconda and the releases that they are for.
func families() map[string][]kickstart.Release {
	return map[string][]kickstart.Release{
		"rhel.ks":   {kickstart.RHEL8, kickstart.RHEL9, kickstart.RHEL10},
		"fedora.ks": {kickstart.F42, kickstart.F43, kickstart.F44},
	}
}

// filled is a host's data with these forms filled in.
func filled(release kickstart.Release, forms ...form) templates.Data {
	h := host()
	h.Variables = map[string]any{}
	h.System = &inventory.System{Name: "x", Installer: inventory.InstallerImage}
	d := data(h)
	if release != "" {
		h.System = &inventory.System{Name: "x", Installer: inventory.InstallerAnaconda, Release: string(release), Media: "x.iso"}
		d.Mirrors = map[string]string{"rocky": "http://10.77.0.1/mirror/rocky", "almalinux": "http://10.77.0.1/mirror/almalinux", "fedora": "http://10.77.0.1/mirror/fedora"}
	}
	for _, f := range forms {
		maps.Copy(h.Variables, f.vars)
	}
	return d
}

func render(t *testing.T, name string, d templates.Data) string {
	t.Helper()
	return renderBy(t, templates.New(""), name, d)
}

func renderBy(t *testing.T, set *templates.Set, name string, d templates.Data) string {
	t.Helper()
	text, err := set.Render(name, d, templates.Funcs(d.Host, templates.StandInSecret))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEveryForm: each shipped template for Anaconda, for each release, profile, layout
// and network, is accepted without a word, and holds what every shipped one must.
func TestEveryForm(t *testing.T) {
	shells := map[string]bool{} // scripts that are known to be good
	set := templates.New("").Frozen()
	for name, releases := range families() {
		for _, r := range releases {
			for _, p := range profiles() {
				for _, l := range layouts() {
					for _, n := range networks() {
						for _, x := range extras() {
							label := fmt.Sprintf("%s/%s/%s/%s/%s/%s", name, r, p.name, l.name, n.name, x.name)
							text := renderBy(t, set, name, filled(r, p, l, n, x))
							f := accepted(t, label, text, r)
							mustHave(t, label, f, l, n)
							scripts(t, label, f, shells)
						}
					}
				}
			}
		}
	}
}

// accepted parses a Kickstart that must have no problem at all.
func accepted(t *testing.T, label, text string, r kickstart.Release) *kickstart.File {
	t.Helper()
	f, err := kickstart.Parse(label, []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	problems, err := kickstart.Check(f, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%v", p)
	}
	if strings.Contains(text, "<no value>") || strings.Contains(text, "%!") || strings.Contains(text, "map[") {
		t.Errorf("%s: a value went wrong:\n%s", label, text)
	}
	return f
}

// mustHave looks for the guard, the reports and the hand-off, and for what the forms
// asked for.
func mustHave(t *testing.T, label string, f *kickstart.File, l, n form) {
	t.Helper()
	bodies := map[string]string{}
	for _, s := range f.Sections {
		bodies[s.Name] += s.Body
	}
	for section, words := range map[string][]string{
		"%pre":     {"wipefs", "not armed with --wipe", "report installer progress", "/i/TOKEN/event"},
		"%post":    {"report '' packages-through", "report '' attempt-failed", "report installed", "/i/TOKEN/agent", "/i/TOKEN/ca.pem", "ENROL", "rackhand-agent.service", "systemctl enable", "restorecon"},
		"%onerror": {"report '' attempt-failed", "/i/TOKEN/event"},
	} {
		for _, w := range words {
			if !strings.Contains(bodies[section], w) {
				t.Errorf("%s: %s has no %q", label, section, w)
			}
		}
	}
	var posts []string
	for _, s := range f.Sections {
		if s.Name == "%post" {
			posts = append(posts, s.Body)
		}
	}
	if !strings.Contains(posts[len(posts)-1], "report installed") {
		t.Errorf("%s: the last %%post does not report that all is installed", label)
	}
	count := func(names ...string) int { return len(f.Find(names...)) }
	raid, lvm := strings.HasPrefix(l.name, "raid1"), strings.HasSuffix(l.name, "lvm")
	if (count("raid") > 0) != raid || (count("volgroup") == 1) != lvm || (count("reqpart") == 1) == raid || count("logging") != 1 {
		t.Errorf("%s: the layout is another one", label)
	}
	line := f.Find("network")
	if len(line) != 1 {
		t.Fatalf("%s: %d network lines", label, len(line))
	}
	var words []string
	for _, w := range line[0].Words {
		words = append(words, w.Text)
	}
	said := strings.Join(words, " ")
	for want, when := range map[string]bool{
		"--bondslaves=eno1,eno2": strings.Contains(n.name, "bond"), "--vlanid=": strings.Contains(n.name, "vlan"),
		"--bootproto=dhcp": strings.Contains(n.name, "dhcp"), "--ip=10.77.0.11": !strings.Contains(n.name, "dhcp"),
	} {
		if strings.Contains(said, want) != when {
			t.Errorf("%s: %s: %s is %v", label, said, want, !when)
		}
	}
}

// scripts has the shell read every script, each text once.
func scripts(t *testing.T, label string, f *kickstart.File, known map[string]bool) {
	t.Helper()
	for _, s := range f.Sections {
		if s.Name == "%packages" || known[s.Body] {
			continue
		}
		known[s.Body] = true
		cmd := exec.Command("/bin/sh", "-n")
		cmd.Stdin = strings.NewReader(s.Body)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %s in line %d: %v: %s", label, s.Name, s.Pos.Line, err, out)
		}
	}
}

// TestImageForms: base.ks in the forms that rackhand-installer can carry out, and what
// is said of those that it can't.
func TestImageForms(t *testing.T) {
	shells := map[string]bool{}
	for _, n := range networks() {
		for _, x := range extras() {
			d := filled("", n, x)
			text := render(t, "base.ks", d)
			f, err := kickstart.Parse("base.ks", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			problems, err := engine.Check(f, engine.Image)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems { // but for a group of packages, the third of extras
				if !strings.Contains(p.Message, "a group makes no sense on one: @development") {
					t.Errorf("%s, %s: %v", n.name, x.name, p)
				}
			}
			if want := strings.Count(text, "\n@"); len(problems) != want {
				t.Errorf("%s, %s: %d problems, want %d", n.name, x.name, len(problems), want)
			}
			if bond := strings.Contains(text, "--bondslaves=eno1,eno2 --bondopts=mode="); bond != strings.HasPrefix(n.name, "bond") {
				t.Errorf("%s: a bond is %v", n.name, bond)
			}
			scripts(t, n.name, f, shells)
			accepted(t, n.name, text, kickstart.RHEL9)
			var names []string
			for _, s := range f.Sections {
				if strings.Contains(s.Body, "\nreport ") {
					names = append(names, s.Name)
				}
			}
			if want := []string{"%pre", "%post", "%onerror"}; !slices.Equal(names, want) || !strings.Contains(text, "wipefs") || !strings.Contains(text, "ENROL") {
				t.Errorf("reports come from %v", names)
			}
		}
	}
}

// TestHostSettings: the inventory's settings of a host beside its variables.
func TestHostSettings(t *testing.T) {
	for name, releases := range families() {
		for _, r := range releases {
			d := filled(r)
			d.Install.Wipe, d.Mirrors, d.Host.Disk = true, nil, "/dev/disk/by-id/wwn-0x5000"
			d.Host.Boot = inventory.Boot{Console: "ttyS1,9600n8", VLAN: 7}
			n := d.Host.Network
			n.MTU, n.Gateway, n.DNS, n.NTP = 9000, netip.Addr{}, nil, []netip.Addr{netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.0.2")}
			text := render(t, name, d)
			accepted(t, name, text, r)
			ntp := "\ntimesource --ntp-server=10.77.0.1\ntimesource --ntp-server=10.77.0.2\n"
			if r == kickstart.RHEL8 {
				ntp = " --ntpservers=10.77.0.1,10.77.0.2\n"
			}
			for _, want := range []string{
				"ignoredisk --only-use=/dev/disk/by-id/wwn-0x5000\n", "console=ttyS1,9600n8", "--vlanid=7 --interfacename=vlan7 ", "--mtu=9000 ", ntp,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("%s %s: no %q", name, r, want)
				}
			}
			for _, never := range []string{"--gateway", "--nameserver", "wipefs", "/mirror/"} {
				if strings.Contains(text, never) {
					t.Errorf("%s %s: %q", name, r, never)
				}
			}
		}
	}
}

// TestRefusals: a value that a template doesn't know is an error, never another form.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		template string
		release  kickstart.Release
		vars     map[string]any
		want     string
	}{
		{"rhel.ks", kickstart.F42, nil, "rhel.ks is for RHEL8, RHEL9 and RHEL10"},
		{"fedora.ks", kickstart.RHEL9, nil, "fedora.ks is for F42, F43 and F44"},
		{"rhel.ks", kickstart.RHEL7, nil, "use another template"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"layout": "raid6"}, "layout: raid6 is unknown"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"layout": "raid1"}, "needs two disks"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"layout": "raid1", "disks": []any{"sda"}}, "needs two disks"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"firmware": "efi"}, "firmware: efi is unknown"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"profile": "desktop"}, "profile: desktop is unknown"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"network": "none"}, "network: none is unknown"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"bond": map[string]any{"name": "bond0"}}, "give the cards' names"},
		{"rhel.ks", "", nil, "rhel.ks is for Anaconda"},
		{"fedora.ks", "", nil, "fedora.ks is for Anaconda"},
		{"base.ks", kickstart.RHEL9, nil, "use rhel.ks or fedora.ks"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"firewall": "off"}, "firewall: off is unknown"},
		{"rhel.ks", kickstart.RHEL9, map[string]any{"root_ssh": "true"}, "root_ssh: true is unknown"},
		{"base.ks", "", map[string]any{"layout": "raid6"}, "layout: raid6 is unknown"},
		{"base.ks", "", map[string]any{"layout": "raid1"}, "needs two disks"},
		{"base.ks", "", map[string]any{"network": "none"}, "network: none is unknown"},
		{"base.ks", "", map[string]any{"firewall": "off"}, "firewall: off is unknown"},
	} {
		d := filled(tt.release, form{"", tt.vars})
		if _, err := templates.New("").Render(tt.template, d, templates.Funcs(d.Host, templates.StandInSecret)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %v: %v; want %q", tt.template, tt.vars, err, tt.want)
		}
	}
}

// TestGoldenForms: a handful of forms as they are, to be read.
func TestGoldenForms(t *testing.T) {
	ps, ls, ns, xs := profiles(), layouts(), networks(), extras()
	wiped := filled(kickstart.RHEL9, ps[0], ls[0], ns[0], xs[0])
	wiped.Install.Wipe, wiped.Mirrors, wiped.Host.Disk = true, nil, "vda"
	wiped.Host.Network.NTP = []netip.Addr{netip.MustParseAddr("10.77.0.1")}
	for name, tt := range map[string]struct {
		template string
		data     templates.Data
	}{
		"rhel8-minimal-plain-static": {"rhel.ks", filled(kickstart.RHEL8, ps[0], ls[0], ns[0], xs[1])},
		"rhel9-wipe":                 {"rhel.ks", wiped},
		"rhel9-server-raid1-bond":    {"rhel.ks", filled(kickstart.RHEL9, ps[1], ls[2], ns[2], xs[1])},
		"rhel10-minimal-raid1-lvm":   {"rhel.ks", filled(kickstart.RHEL10, ps[0], ls[3], ns[3], xs[0])},
		"fedora42-minimal-lvm-dhcp":  {"fedora.ks", filled(kickstart.F42, ps[0], ls[1], ns[1], xs[1])},
		"fedora44-server-bios":       {"fedora.ks", filled(kickstart.F44, ps[1], ls[4], ns[4], xs[0])},
	} {
		t.Run(name, func(t *testing.T) {
			got := render(t, tt.template, tt.data)
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
