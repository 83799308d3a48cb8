package inventory

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden parts")

// The roles and templates that there are, for the inventories in testdata.
func testOptions() Options {
	return Options{
		Roles:     []string{"db", "web"},
		Templates: func(name string) bool { return name == "base.ks" || name == "other.ks" },
	}
}

// golden runs load over every archive of a folder. The part named last holds the expected
// result.
func golden(t *testing.T, dir, last string, load func(t *testing.T, dir string) string) {
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives (%v)", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			tmp := t.TempDir()
			files := slices.DeleteFunc(a.Files, func(f txtar.File) bool {
				if f.Name == last {
					want = string(f.Data)
				}
				return f.Name == last
			})
			for _, f := range files {
				writeFile(t, filepath.Join(tmp, f.Name), string(f.Data))
			}
			got := load(t, tmp)
			if *update {
				a.Files = append(files, txtar.File{Name: last, Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want == "" {
				t.Fatalf("%s has no part %s; run with -update and read what it writes", path, last)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestBroken: every problem in testdata/broken is reported with its place and a
// hint.
func TestBroken(t *testing.T) {
	golden(t, "broken", "problems", func(t *testing.T, dir string) string {
		s, problems := Load(dir, testOptions())
		if s != nil || len(problems) == 0 {
			t.Fatal("a broken inventory was taken")
		}
		if again := secondLoad(dir); again != problems.String() {
			t.Errorf("a second load says something else:\n%s", cmp.Diff(problems.String(), again))
		}
		text := problems.String()
		if strings.Contains(text, "hunter2") {
			t.Errorf("a secret is shown:\n%s", text)
		}
		return strings.ReplaceAll(text, dir, "DIR")
	})
}

func secondLoad(dir string) string {
	_, problems := Load(dir, testOptions())
	return problems.String()
}

// TestGood: every archive in testdata/good is taken; its golden part shows the
// merged hosts.
func TestGood(t *testing.T) {
	golden(t, "good", "snapshot", func(t *testing.T, dir string) string {
		s, problems := Load(dir, testOptions())
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		if s.Dir != dir || len(s.Revision) != 16 {
			t.Errorf("Dir %q, Revision %q", s.Dir, s.Revision)
		}
		return dump(s)
	})
}

// usualBMC is how dump writes the settings of a BMC for which the inventory gives none.
const usualBMC = `auto operator settle 1m0s system "" fingerprint "" old_tls false setup false console auto quirks [] vendors map[], 0 bytes of authorities`

// dump writes a snapshot as text, everything in order.
func dump(s *Snapshot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d networks, %d systems, %d hosts\n", len(s.Networks), len(s.Systems), len(s.Hosts))
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		n := s.Networks[name]
		fmt.Fprintf(&b, "network %s: subnet %s gateway %s dns %s ntp %s domain %q leases %s-%s\n",
			n.Name, n.Subnet, n.Gateway, n.DNS, n.NTP, n.Domain, n.Leases.First, n.Leases.Last)
		if n.DHCP != "" || n.AllowOtherDHCP || n.LeaseTime != 0 || n.MTU != 0 || n.Search != nil {
			fmt.Fprintf(&b, "  dhcp %s, others allowed %t, lease time %s, unclaimed wait %s, mtu %d, search %s\n", n.Mode(), n.AllowOtherDHCP, n.LeaseTime, n.UnclaimedWait, n.MTU, n.Search)
		}
		for _, r := range n.Routes {
			fmt.Fprintf(&b, "  route to %s via %s\n", r.To, r.Via)
		}
		for _, number := range slices.Sorted(maps.Keys(n.Options)) {
			fmt.Fprintf(&b, "  option %d = % x\n", number, n.Options[number])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Systems)) {
		fmt.Fprintf(&b, "system %+v\n", *s.Systems[name])
	}
	for _, name := range s.HostNames() {
		h := s.Hosts[name]
		fmt.Fprintf(&b, "host %s (%s)\n", h.Name, h.Line)
		fmt.Fprintf(&b, "  mac %s address %s network %s group %q\n", h.MACs, h.Address, h.Network.Name, h.Group)
		system := "-"
		if h.System != nil {
			system = h.System.Name
		}
		fmt.Fprintf(&b, "  system %s kickstart %q roles %q install %s answer %s budget %s disk %q\n", system, h.Kickstart, h.Roles, h.Install, h.Answer, h.Budget, h.Disk)
		if h.BMC != nil {
			fmt.Fprintf(&b, "  bmc %s user %q password %q\n", h.BMC.Address, h.BMC.User, h.BMC.Password)
			if showBMC := fmt.Sprintf("%s %s settle %s system %q fingerprint %q old_tls %t setup %t console %s quirks %q vendors %q, %d bytes of authorities", h.BMC.Protocol, h.BMC.Privilege, h.BMC.Settle, h.BMC.System, h.BMC.Fingerprint, h.BMC.OldTLS, h.BMC.Setup, h.BMC.Console, h.BMC.Quirks, h.BMC.Vendors, len(h.BMC.CA)); showBMC != usualBMC {
				fmt.Fprintf(&b, "  bmc %s\n", showBMC)
			}
			if h.BMC.MAC != (MAC{}) {
				fmt.Fprintf(&b, "  bmc mac %s\n", h.BMC.MAC)
			}
		}
		if !reflect.DeepEqual(h.Boot, Boot{}) {
			fmt.Fprintf(&b, "  boot %+v\n", h.Boot)
		}
		if h.Rack != nil {
			fmt.Fprintf(&b, "  rack %+v\n", *h.Rack)
		}
		for _, v := range slices.Sorted(maps.Keys(h.Variables)) {
			fmt.Fprintf(&b, "  variable %s = %#v\n", v, h.Variables[v])
		}
		for _, key := range ExplainKeys(s, name) {
			from, err := Explain(s, name, key)
			if err != nil {
				fmt.Fprintf(&b, "  %v\n", err)
			}
			fmt.Fprintf(&b, "  %s:", key)
			for _, o := range from {
				fmt.Fprintf(&b, " [%s %s %v]", o.Layer, o.At, o.Value)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func writeFile(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}
