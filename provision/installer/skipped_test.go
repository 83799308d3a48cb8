package installer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/installer/plan"
)

// Parts that only the unpacked system can reject are skipped with a warning, too.
func TestSkipInTheSystem(t *testing.T) {
	r := recipeAs(t, skipping(), "autopart\nselinux --enforcing\nservices --enabled=chronyd,foo@1 --disabled=bar\nfirewall --service=gopher,http\n")
	m := scratch(t, map[string]string{"usr/sbin/nft": "", "etc/services": "ssh 22/tcp\nhttp 80/tcp\n", "usr/lib/systemd/system/foo@.service": ""})
	var said []string
	m.Con.SetSink(func(l string) { said = append(said, l) })
	for _, s := range r.Config {
		switch s := s.(type) {
		case plan.SELinuxStep:
			if err := m.do(t.Context(), s); err != nil {
				t.Error(err)
			}
		case plan.ServiceStep:
			if s.Unit == "foo@1" {
				if got := behind(t, m, s.Unit); got != "foo@1.service" {
					t.Errorf("foo@1 is %q", got)
				}
				continue
			}
			if err := m.do(t.Context(), s); err != nil {
				t.Error(err)
			}
		case plan.FirewallStep:
			ports, err := m.allPorts(s)
			if err != nil || len(ports) != 2 || ports[1].First != 80 {
				t.Errorf("ports %v, %v", ports, err)
			}
		}
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{"selinux --enforcing is skipped", "services --enabled=chronyd is skipped", "firewall --service=gopher is skipped, and stays closed"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing is said of %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "bar") {
		t.Errorf("a unit that isn't there is disabled as it is:\n%s", text)
	}
	if err := os.MkdirAll(filepath.Join(m.target, "etc/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/lib/systemd/system/foo@.service", filepath.Join(m.target, "etc/systemd/system/alias.service")); err != nil {
		t.Fatal(err)
	}
	if got := behind(t, m, "alias"); got != "foo@.service" {
		t.Errorf("the alias stands for %q", got)
	}
}

// Files that %pre writes are read once it has run, and checked as a whole before any disk is
// looked at.
func TestIncludedFromPre(t *testing.T) {
	file := filepath.Join(t.TempDir(), "part.ks")
	text := "rootpw --plaintext first-secret\n%include " + file + "\nvolgroup v pv.1\nlogvol / --vgname=v --name=r --size=900\n%pre\ntrue\n%end\n"
	for _, c := range []struct{ name, has, want string }{
		{"good", "clearpart --all --drives=vda\npart pv.1 --fstype=lvmpv --grow --ondisk=vda\nuser --name=op --plaintext --password=second-secret\n%packages\n@x11\n%end\n", ""},
		{"nothing", "", "pv.1 is not laid out"},
		{"no file", "-", "a %pre has to write it"},
		{"a line that is no command", "no such disk\n", "there is no command no"},
		{"a quote", "part '\n", "a quote is not closed"},
		{"dangerous", "part pv.1 --grow --encrypted\n", "the data on it would not be encrypted"},
		{"another %pre", "%pre\n%end\n", "would not run"},
		{"itself", "%include " + file + "\n", "more than 8 deep"},
		{"a URL", "%include http://a/b\n", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			r := recipeAs(t, skipping(), text)
			if len(r.Pre) != 1 || r.WithIncludes == nil || len(r.Skipped) != 1 {
				t.Fatalf("%d scripts, %q", len(r.Pre), r.Skipped)
			}
			if _, err := plan.Plan(r, oneDisk(), plan.Overwrite{Wipe: true}, counting()); err == nil {
				t.Error("a Kickstart is planned before it is whole")
			}
			if c.has != "-" {
				if err := os.WriteFile(file, []byte(c.has), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			m := scratch(t, nil)
			var said []string
			m.Con.SetSink(func(l string) { said = append(said, l) })
			whole, err := m.included(r, skipping())
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || plan.FailKind(err) != plan.FailKickstart {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			steps, err := plan.Plan(whole, oneDisk(), plan.Overwrite{}, counting())
			if err != nil || len(steps) == 0 {
				t.Error(err)
			}
			m.Con.Printf("first-secret second-secret")
			text := strings.Join(said, "\n")
			if !strings.Contains(text, "@x11 is skipped") || strings.Contains(text, "-secret") || strings.Contains(text, "%include") {
				t.Errorf("it says %s", text)
			}
		})
	}
}

func TestReportSkipped(t *testing.T) {
	lines := []string{strings.Repeat("a", 30), "b", strings.Repeat("c", 300), "d"}
	got := joinLines(lines, 100)
	if len(got) != 3 || got[0] != lines[0]+"\nb" || len(got[1]) > 104 || got[2] != "d" || joinLines(nil, 5) != nil {
		t.Errorf("%q", got)
	}
}

func behind(t *testing.T, m *machine, name string) (unit string) {
	t.Helper()
	if err := m.inRoot(func(root *os.Root) error {
		unit, _ = unitBehind(root, name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return unit
}
