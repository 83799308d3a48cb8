package edit

import (
	"net/netip"
	"strings"
	"testing"

	"rackhand/inventory"
)

func TestParseMAC(t *testing.T) {
	for _, text := range []string{
		"52:54:00:00:00:0a", "52-54-00-00-00-0A", "5254.0000.000a", "5254-0000-000A", "525400-00000A", "52540000000a", "52 54 00 00 00 0a", " 52:54:00:00:00:0A ",
	} {
		if mac, err := ParseMAC(text); err != nil || mac.String() != "52:54:00:00:00:0a" {
			t.Errorf("%q: %v, %v", text, mac, err)
		}
	}
	for _, text := range []string{"", "web1", "52:54:00:00:00", "52:54:00:00:00:0g", "52:54:00:00:00:00:00:0a", "5254000000", "52-54.00:00 00 0a"} {
		if mac, err := ParseMAC(text); err == nil {
			t.Errorf("%q: %v", text, mac)
		}
	}
}

func snapshot(t *testing.T, text string) *inventory.Snapshot {
	t.Helper()
	s, problems := inventory.Parse("t.yaml", []byte(text), inventory.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

func TestNextFree(t *testing.T) {
	for _, c := range []struct{ name, network, hosts, taken, want string }{
		{"no host yet", "", "", "", "10.77.0.1"},
		{"gateway first", "gateway: 10.77.0.1", "", "", "10.77.0.2"},
		{"behind the last", "gateway: 10.77.0.1", "3 9", "", "10.77.0.10"},
		{"leases behind the last", "leases: 10.77.0.10-10.77.0.12", "9", "", "10.77.0.13"},
		{"taken by what isn't in the inventory", "", "9", "10", "10.77.0.11"},
		{"servers", "dns: 10.77.0.10, ntp: [10.77.0.11], routes: [{to: 10.0.0.0/8, via: 10.77.0.12}]", "9", "", "10.77.0.13"},
		{"round to the beginning", "gateway: 10.77.0.1", "3 14", "", "10.77.0.2"},
		{"round, leases first", "leases: 10.77.0.1-10.77.0.5", "14", "", "10.77.0.6"},
		{"full", "leases: 10.77.0.1-10.77.0.13", "14", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "networks: {n: {subnet: 10.77.0.0/28, " + c.network + "}}\nhosts:\n"
			for i, last := range strings.Fields(c.hosts) {
				text += "  h" + last + ": {mac: 52:54:00:00:00:0" + string(rune('1'+i)) + ", address: 10.77.0." + last + "}\n"
			}
			s := snapshot(t, text)
			got, err := NextFree(s, s.Networks["n"], func(a netip.Addr) bool { return c.taken != "" && a.String() == "10.77.0."+c.taken })
			if c.want == "" {
				if err == nil {
					t.Errorf("got %s of a full network", got)
				}
				return
			}
			if err != nil || got.String() != c.want {
				t.Errorf("got %v, %v; want %s", got, err, c.want)
			}
		})
	}
	s := snapshot(t, "networks: {n: {subnet: 10.77.0.0/28}}\nhosts: {a: {mac: 52:54:00:00:00:01, address: 10.77.0.2, bmc: {address: 10.77.0.3, user: x, password: {secret: s}}}}\n")
	if got, err := NextFree(s, s.Networks["n"], func(netip.Addr) bool { return false }); err != nil || got.String() != "10.77.0.4" {
		t.Errorf("beside a BMC: %v, %v", got, err)
	}
}

func TestNetworkFor(t *testing.T) {
	two := snapshot(t, "networks: {a: {subnet: 10.1.0.0/24}, b: {subnet: 10.2.0.0/24}}\ngroups: {web: {}, both: {}}\nhosts:\n"+
		"  h1: {mac: 52:54:00:00:00:01, address: 10.2.0.1, group: web}\n  h2: {mac: 52:54:00:00:00:02, address: 10.2.0.2, group: both}\n  h3: {mac: 52:54:00:00:00:03, address: 10.1.0.2, group: both}\n")
	one := snapshot(t, "networks: {a: {subnet: 10.1.0.0/24}}\n")
	for _, c := range []struct {
		name string
		s    *inventory.Snapshot
		need Need
		want string
	}{
		{"named", two, Need{Network: "a", Group: "web"}, "a"},
		{"seen", two, Need{Seen: netip.MustParseAddr("10.1.0.200"), Group: "web"}, "a"},
		{"of the group", two, Need{Group: "web"}, "b"},
		{"the only one", one, Need{Seen: netip.MustParseAddr("10.9.0.1")}, "a"},
		{"several", two, Need{}, "give --network or --address; the networks: a, b"},
		{"a group on both", two, Need{Group: "both"}, "which of 2 networks"},
		{"unknown", two, Need{Network: "c"}, `no network "c"`},
		{"none", snapshot(t, ""), Need{}, "which of 0 networks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := NetworkFor(c.s, c.need)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) || len(c.want) == 1 {
					t.Errorf("got %v", err)
				}
			} else if n.Name != c.want {
				t.Errorf("got %s, want %q", n.Name, c.want)
			}
		})
	}
}

// A claim goes to the file that has most hosts; a value to the file that has the
// thing it is of.
func TestChoose(t *testing.T) {
	files := []File{
		{"10.yaml", []byte("networks: {n: {}}\ndefaults: {disk: sda}\n")},
		{"20.yaml", []byte("hosts: {a: {}}\ngroups:\n")},
		{"30.yaml", []byte("hosts: {b: {}, c: {}}\n")},
		{"40.yaml", []byte("groups: {web: {}}\ndefaults: {role: web}\n")},
	}
	for path, want := range map[string]string{
		"hosts.new.mac": "30.yaml", "hosts.a.mac": "20.yaml", "groups.db.role": "40.yaml", "networks.n.mtu": "10.yaml",
		"defaults.role": "40.yaml", "defaults.disk": "10.yaml", "systems.x.image": "30.yaml",
	} {
		p, _ := ParsePath(path)
		if f, err := choose(files, "", p); err != nil || f.Name != want {
			t.Errorf("%s goes to %s, %v; want %s", path, f.Name, err, want)
		}
	}
	if f, err := choose(files[:2], "", Path{"groups", "web"}); err != nil || f.Name != "20.yaml" {
		t.Errorf("to a section that is named: %s, %v", f.Name, err)
	}
	if _, err := choose(append(files, File{"50.yaml", []byte("a: [")}), "", Path{"hosts", "new"}); err == nil {
		t.Error("a file that can't be read was skipped")
	}
	if _, err := choose(nil, "", Path{"hosts", "new"}); err == nil {
		t.Error("a file was chosen among none")
	}
}

// Secrets and escapes aren't shown, and a last line without a break is.
func TestDiff(t *testing.T) {
	got := diff("f", []byte("a\r\nb\npassword: hunter2\nd\ne"), []byte("a\r\nb\npassword: hunter2\nd\nx\x1b[31m\ntoken: {secret: s}"))
	want := "--- f\n+++ f\n@@ -2,4 +2,5 @@\n b\n password: ***\n d\n-e\n\\ No newline at end of file\n+x\uFFFD[31m\n+token: {secret: s}\n\\ No newline at end of file\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := diff("f", nil, []byte("a\n")); got != "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n" {
		t.Errorf("a new file: %q", got)
	}
	if got := diff("f", []byte("a\n"), []byte("a\n")); got != "" {
		t.Errorf("nothing changed: %q", got)
	}
}
