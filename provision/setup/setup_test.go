package setup

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/preview"
)

func addrs(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestFirstLeases(t *testing.T) {
	for _, tt := range []struct {
		subnet string
		avoid  []netip.Addr
		want   string
	}{
		{"10.77.0.0/24", addrs("10.77.0.1"), "10.77.0.200-10.77.0.240"},
		{"10.77.0.0/24", addrs("10.77.0.1", "10.77.0.254"), "10.77.0.200-10.77.0.240"},
		{"10.77.0.0/24", addrs("10.77.0.240"), "10.77.0.199-10.77.0.239"},
		{"10.77.0.0/24", addrs("10.77.0.200", "10.77.0.241"), "10.77.0.159-10.77.0.199"},
		{"10.0.0.0/8", addrs("10.0.0.1"), "10.200.0.0-10.200.0.40"},
		{"255.255.255.0/24", nil, "255.255.255.200-255.255.255.240"},
		{"0.0.0.0/8", nil, "0.200.0.0-0.200.0.40"},
		{"10.77.0.0/27", addrs("10.77.0.1"), "10.77.0.24-10.77.0.30"},
		{"10.77.0.0/28", addrs("10.77.0.14"), "10.77.0.11-10.77.0.13"},
		{"10.77.0.0/29", addrs("10.77.0.1"), "10.77.0.6-10.77.0.6"},
		{"10.77.0.0/29", addrs("10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.4", "10.77.0.5", "10.77.0.6"), ""},
		// No stretch is long enough: the longest.
		{"10.77.0.0/28", addrs("10.77.0.2", "10.77.0.4", "10.77.0.6", "10.77.0.9", "10.77.0.11", "10.77.0.13", "10.77.0.14"), "10.77.0.7-10.77.0.8"},
		{"10.77.0.0/30", addrs("10.77.0.1"), ""},
	} {
		got := firstLeases(netip.MustParsePrefix(tt.subnet), tt.avoid)
		text := ""
		if got.First.IsValid() {
			text = got.First.String() + "-" + got.Last.String()
		}
		if text != tt.want {
			t.Errorf("%s without %s: %q, not %q", tt.subnet, tt.avoid, text, tt.want)
		}
		for _, a := range tt.avoid {
			if got.Contains(a) {
				t.Errorf("%s: %s is in use", text, a)
			}
		}
	}
}

// TestFiles: for any link, the written files load without a problem, and so they do with the
// example host in them.
func TestFiles(t *testing.T) {
	for _, s := range []Site{
		{Address: netip.MustParseAddr("10.77.0.1"), Subnet: netip.MustParsePrefix("10.77.0.0/24")},
		{Address: netip.MustParseAddr("192.168.1.17"), Subnet: netip.MustParsePrefix("192.168.0.0/16"), Gateway: netip.MustParseAddr("192.168.1.1"), DNS: addrs("9.9.9.9", "192.168.1.1")},
		{Address: netip.MustParseAddr("10.0.0.1"), Subnet: netip.MustParsePrefix("10.0.0.0/30"), Gateway: netip.MustParseAddr("10.0.0.2")},
		{Address: netip.MustParseAddr("10.0.0.6"), Subnet: netip.MustParsePrefix("10.0.0.0/29")},
		{Address: netip.MustParseAddr("10.200.0.10"), Subnet: netip.MustParsePrefix("10.0.0.0/8"), InUse: addrs("10.0.0.11", "10.200.0.0", "2001:db8::1")},
		{Address: netip.MustParseAddr("10.77.0.1"), Subnet: netip.MustParsePrefix("10.77.0.0/24"), Proxy: true, Keys: []string{`ssh-ed25519 AAAA "me": \ é`}, Mirrors: map[string]string{"debian": "http://mirror.example/debian"}},
	} {
		s.Interface = "eth1"
		files, err := Files(s)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := Write(dir, files, false); err != nil {
			t.Fatal(err)
		}
		cfg, problems := config.Load(filepath.Join(dir, "rackhand.yaml"))
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		if cfg.Inventory != filepath.Join(dir, "inventory") || cfg.Address != s.Address || !slices.Equal(cfg.Interfaces, []string{"eth1"}) {
			t.Errorf("%+v", cfg)
		}
		if info, err := os.Stat(cfg.Secrets); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the folder of secrets: %v, %v", info, err)
		}
		if cfg.Mirror.Upstreams["debian"] != s.Mirrors["debian"] {
			t.Errorf("%+v", cfg.Mirror)
		}
		check := func() *inventory.Snapshot {
			t.Helper()
			snap, problems := preview.Load(cfg.Inventory)
			if err := problems.Err(); err != nil {
				t.Fatalf("%s: %v", s.Subnet, err)
			}
			return snap
		}
		if n := check().Networks["rack1"]; n.Subnet != s.Subnet || n.Gateway != s.Gateway || !slices.Equal(n.DNS, s.DNS) {
			t.Errorf("%+v", n)
		} else if waits := n.UnclaimedWait == 10*time.Minute; waits != n.Leases.First.IsValid() || s.Proxy != (n.Mode() == inventory.DHCPProxy) || s.Proxy && waits {
			t.Errorf("%+v", n)
		}
		if s.Subnet.Bits() > 29 {
			continue // two machines: no room for an example
		}
		path := filepath.Join(cfg.Inventory, "rack.yaml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before, example, _ := strings.Cut(string(text), "# hosts:\n")
		example = strings.ReplaceAll(strings.ReplaceAll("\n"+example, "\n# ", "\n"), "    # bmc", "    bmc")
		if err := os.WriteFile(path, []byte(before+"hosts:"+example), 0o600); err != nil {
			t.Fatal(err)
		}
		h := check().Hosts["web1"]
		if h == nil || h.BMC == nil || h.Address == s.Address || h.Install != inventory.FirstBoot || h.Role() != "web" || len(s.Keys) > 0 && !slices.Equal(h.Variables["ssh_keys"].([]any), []any{s.Keys[0]}) {
			t.Errorf("%+v", h)
		}
	}
}

func TestFilesRefuse(t *testing.T) {
	for _, s := range []Site{
		{},
		{Address: netip.MustParseAddr("10.77.0.0"), Subnet: netip.MustParsePrefix("10.77.0.0/24")},
		{Address: netip.MustParseAddr("10.77.0.255"), Subnet: netip.MustParsePrefix("10.77.0.0/24")},
		{Address: netip.MustParseAddr("10.77.0.1"), Subnet: netip.MustParsePrefix("10.77.0.0/24"), Gateway: netip.MustParseAddr("10.78.0.1")},
		{Address: netip.MustParseAddr("10.77.0.1"), Subnet: netip.MustParsePrefix("10.77.0.0/31")},
		{Address: netip.MustParseAddr("10.77.0.1"), Subnet: netip.MustParsePrefix("0.0.0.0/0")},
		{Address: netip.MustParseAddr("10.77.0.1"), Subnet: netip.MustParsePrefix("10.77.0.0/24"), Keys: []string{"-----BEGIN OPENSSH PRIVATE KEY-----"}},
		{Address: netip.MustParseAddr("10.77.0.1"), Subnet: netip.MustParsePrefix("10.77.0.0/24"), Keys: []string{"ssh-rsa A\nssh-rsa B"}},
		{Address: netip.MustParseAddr("fd00::1"), Subnet: netip.MustParsePrefix("fd00::/64")},
	} {
		if _, err := Files(s); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

func TestChooseLink(t *testing.T) {
	at := func(p string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(p)} }
	lo := Interface{Name: "lo", Up: true, Addrs: at("127.0.0.1/8")}
	office := Interface{Name: "eth0", Up: true, Ethernet: true, Addrs: at("192.168.1.17/24"), Default: true, Gateway: netip.MustParseAddr("192.168.1.1")}
	wifi := office
	wifi.Name = "wlan0"
	rack := Interface{Name: "eth1", Up: true, Ethernet: true, Addrs: at("10.77.0.1/24")}
	other := rack
	other.Name = "eth2"
	down := rack
	down.Name, down.Up = "eth3", false
	bare := Interface{Name: "eth4", Up: true, Ethernet: true}
	for _, tt := range []struct {
		all        []Interface
		want       string
		link, said string // said: of why, or of the error with link ""
	}{
		{[]Interface{lo, office, rack}, "", "eth1", "default route doesn't lead"},
		{[]Interface{lo, rack, office}, "", "eth1", "default route doesn't lead"},
		{[]Interface{lo, rack, down, bare}, "", "eth1", "the only one"},
		{[]Interface{lo, office}, "", "eth0", "rackhand doctor"},
		{[]Interface{lo, office, wifi}, "", "eth0", "(eth0, wlan0)"},
		{[]Interface{lo, office, rack, other}, "", "eth1", "(eth1, eth2)"},
		{[]Interface{lo, office, rack}, "eth0", "eth0", "--interface"},
		{[]Interface{lo, office, rack, down}, "eth3", "eth3", "--interface"},
		{[]Interface{lo, down, bare}, "", "", "no Ethernet interface"},
		{nil, "", "", "no Ethernet interface"},
		{[]Interface{lo, rack}, "eth9", "", "there are lo, eth1"},
		{[]Interface{lo, bare}, "eth4", "", "no IPv4 address"},
	} {
		got, why, err := ChooseLink(tt.all, tt.want)
		if err != nil {
			why = err.Error()
		}
		if got.Name != tt.link || !strings.Contains(why, tt.said) || (err != nil) != (tt.link == "") {
			t.Errorf("%v: %q, %q, %v; want %q, %q", tt.all, got.Name, why, err, tt.link, tt.said)
		}
	}
}

func TestSiteOn(t *testing.T) {
	near, far := netip.MustParseAddr("10.77.0.53"), netip.MustParseAddr("9.9.9.9")
	servers := append(addrs("127.0.0.53", "fd00::53"), near, far, near)
	rack := Interface{Name: "eth1", Addrs: []netip.Prefix{netip.MustParsePrefix("10.77.0.1/24")}}
	// Without a router boxes reach their own link alone.
	if got := SiteOn(rack, servers, nil); !slices.Equal(got.DNS, []netip.Addr{near}) || got.Subnet.String() != "10.77.0.0/24" || got.Gateway.IsValid() {
		t.Errorf("%+v", got)
	}
	rack.Gateway = netip.MustParseAddr("10.77.0.254")
	if got := SiteOn(rack, servers, nil); !slices.Equal(got.DNS, []netip.Addr{near, far}) || got.Gateway != rack.Gateway {
		t.Errorf("%+v", got)
	}
	rack.Gateway = netip.MustParseAddr("10.78.0.254")
	if got := SiteOn(rack, nil, nil); got.Gateway.IsValid() {
		t.Errorf("a gateway on another link: %+v", got)
	}
}

func TestParseResolvConf(t *testing.T) {
	got := parseResolvConf([]byte("# x\nsearch a\nnameserver 10.0.0.1\nnameserver\nnameserver fd00::1\n  nameserver\t10.0.0.2 #\nnameserver x\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n"))
	if !slices.Equal(got, addrs("10.0.0.1", "10.0.0.2", "10.0.0.3")) {
		t.Error(got)
	}
}

// TestInterfaces: this machine has a loopback, on which no box boots.
func TestInterfaces(t *testing.T) {
	all, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(x Interface) bool { return x.Name == "lo" })
	if i < 0 || all[i].Ethernet || all[i].Default {
		t.Errorf("%+v", all)
	}
}
