package config_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rackhand/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// equal compares addresses and networks as the values that they are.
var equal = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestMinimal(t *testing.T) {
	got, problems := config.Load("minimal.yaml")
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Interfaces = []string{"eth1"}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("minimal.yaml is not the defaults (-want +got):\n%s", diff)
	}
}

// The reference shows every key; those that have a default show just that.
func TestReference(t *testing.T) {
	got, problems := config.Load("reference.yaml")
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.SocketGroup, want.Interfaces = "rackhand", []string{"eth1"}
	want.Address = netip.MustParseAddr("10.77.0.1")
	want.Age = config.Age{File: "/etc/rackhand/secrets.age", Identity: "/etc/rackhand/identity.txt"}
	want.Mirror = config.Mirror{
		Upstreams: map[string]string{
			"debian": "http://mirror.example/debian",
			"rocky":  "https://mirror.example.org/rocky",
		},
		Via: "http://cache.example:3128", Size: 50 << 30,
		Redirects: []string{"files.example.org", "10.0.0.7:8080"},
	}
	want.Page.Names, want.Page.Operators = []string{"rack.example.org"}, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	want.Agent = config.Agent{Version: "v1.4.0", Canary: "web-canary", Grace: 90}
	want.Bootfiles = []string{"/etc/rackhand/bootfiles"}
	want.Metrics.Listen = "192.0.2.1:9150"
	want.Events = config.Events{File: "/var/log/rackhand/events.json", Syslog: "udp:192.0.2.9:514"}
	want.Munin = config.Munin{Listen: "192.0.2.1:4949", Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("reference.yaml (-want +got):\n%s", diff)
	}
}

func TestRelativePathsAndForms(t *testing.T) {
	got, problems := config.Parse("/srv/rig/rackhand.yaml", []byte(strings.Join([]string{
		"interfaces: br0",
		"state: state",
		"inventory: ../inv",
		"page: {listen: 'unix:/run/page.sock', names: 203.0.113.9, operators: [192.0.2.7, '2001:db8::1/32']}",
		"mirror: {via: 'unix:/run/proxy.sock'}",
		"install: {expires: 90m, attempts: 1}",
		"bootfiles: boot",
		"bmc: {poll: 90s, sensors: off, console: never}",
	}, "\n")))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Interfaces = []string{"br0"}
	want.State = "/srv/rig/state"
	want.Inventory = "/srv/inv"
	want.Page = config.Page{
		Listen: "unix:/run/page.sock", Names: []string{"203.0.113.9"},
		Operators: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32")},
	}
	want.Mirror.Via = "unix:/run/proxy.sock"
	want.Install = config.Install{Attempts: 1, Expires: 90 * time.Minute}
	want.BMC = config.BMC{Poll: 90 * time.Second, Console: config.RecordNever}
	want.Bootfiles = []string{"/srv/rig/boot"}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	off, problems := config.Parse("c.yaml", []byte("interfaces: [a]\npage: {listen: \"\"}\n"))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if off.Page.Listen != "" {
		t.Errorf("an empty page.listen is %q", off.Page.Listen)
	}
}

// Every archive in testdata holds a broken rackhand.yaml and what is said of it.
func TestBroken(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives in testdata (%v)", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, problems := config.Parse("rackhand.yaml", a.Files[0].Data)
			if c != nil || len(problems) == 0 {
				t.Fatalf("broken configuration was taken")
			}
			got := problems.String()
			if *update {
				a.Files = []txtar.File{a.Files[0], {Name: "problems", Data: []byte(got)}}
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(a.Files) != 2 {
				t.Fatal("no golden part; run with -update")
			}
			if diff := cmp.Diff(string(a.Files[1].Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a password is shown")
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	c, problems := config.Load(filepath.Join(t.TempDir(), "none.yaml"))
	if c != nil || len(problems) != 1 || problems[0].Hint == "" {
		t.Errorf("got %v, %v", c, problems)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"minimal.yaml", "reference.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := config.Parse("rackhand.yaml", data)
		if (c == nil) != (len(problems) > 0) {
			t.Fatalf("config %v with problems %v", c, problems)
		}
		_ = problems.String()
	})
}
