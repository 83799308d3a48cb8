//go:build e2e

package installer

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/bootfiles/image"
	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
	mirrorcache "rackhand/provision/mirror"
)

// unpacked is a packed root in a scratch folder, as a target: with the devices that
// programs want, and nothing mounted.
func unpacked(t *testing.T, file string) *machine {
	t.Helper()
	m := scratch(t, nil)
	tar := exec.CommandContext(t.Context(), "tar", "--zstd", "--numeric-owner", "--xattrs", "-xpf", file, "-C", m.target)
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	unix.Umask(0)
	defer unix.Umask(0o022)
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "random": 8, "urandom": 9} {
		if err := unix.Mknod(filepath.Join(m.target, "dev", name), unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor))); err != nil && err != unix.EEXIST {
			t.Fatal(err)
		}
	}
	m.Con.SetSink(func(l string) { t.Log(l) })
	m.Rep.Start(context.Background())
	return m
}

// packageCache serves the package cache, over the mirrors of this machine's apt, and
// returns the Kickstart's repo lines for it.
func packageCache(t *testing.T) string {
	t.Helper()
	sources, err := image.HostSources("bookworm")
	if err != nil {
		t.Fatal(err)
	}
	upstreams := map[string]string{}
	for _, s := range sources {
		if s.Suite == "bookworm" {
			upstreams["debian"] = s.URI
		}
	}
	cache, err := mirrorcache.New(mirrorcache.Options{Dir: t.TempDir(), Upstreams: upstreams})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cache.Run(ctx) }()
	front := httptest.NewServer(cache)
	t.Cleanup(func() {
		front.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return fmt.Sprintf("repo --name=debian --baseurl=%s/mirror/debian --install\n", front.URL)
}

// The steps that configure a system, carried out in a real image by its own programs:
// packages through the package cache, a firewall, users, languages, time; and repos of
// another distribution, which are skipped under unsupported: skip.
func TestStepsInImage(t *testing.T) {
	// The whole image: it is the one that has Python, which a firewall needs.
	images := os.Getenv("RACKHAND_IMAGES")
	had, err := image.Open(images, "debian12")
	if err != nil {
		t.Fatalf("%v (name a folder with a built image by RACKHAND_IMAGES)", err)
	}
	m := unpacked(t, filepath.Join(images, "debian12", had.Root().Name))
	r := recipeOf(t, packageCache(t)+`firewall --enabled --port=8080:tcp,9000-9010:udp --service=http
timesource --ntp-server=10.77.0.1
services --enabled=sshd
group --name=ops --gid=4000
user --name=deploy --uid=4001 --gid=4001 --groups=ops,build(4002) --homedir=/srv/deploy --gecos="Deploys it"
user --name=deploy --shell=/bin/sh
lang de_DE.UTF-8 --addsupport=fr_FR.UTF-8
network --device=eth0 --bondslaves=eth1 --bootproto=dhcp
%packages --excludedocs --exclude-weakdeps --ignoremissing
nftables
chrony
locales
no-such-package-here
-vim
-no-such-either
%end
`)
	devices, err := netconf.Resolve(r.Networks, oneDisk().NICs, oneDisk().BootNIC)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(r.SoftwareSteps(devices), r.Config...) {
		if err := m.do(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	tells := exec.Command("chroot", m.target, "/bin/sh", "-c", `
dpkg-query -W -f '${Package} ${Status}\n' nftables chrony locales
find /usr/share/doc/nftables -type f; id deploy; getent passwd deploy; locale -a
ls /etc/apt/sources.list.d /run/rackhand-repos; ls /usr/sbin/policy-rc.d /etc/systemd/system/*.wants; nft -c -f /etc/nftables.conf && echo the rules are good
chronyd -p | grep ^server; cat /etc/network/interfaces; ls /var/cache/apt/archives`)
	out, err := tells.CombinedOutput()
	t.Logf("%s (%v)", out, err)
	for _, want := range []string{
		"chrony install ok installed\nlocales install ok installed\nnftables install ok installed\n/usr/share/doc/nftables/copyright\nuid=",
		"uid=4001(deploy) gid=4001(deploy) groups=4001(deploy),4000(ops),4002(build)", "Deploys it:/srv/deploy:/bin/sh",
		"de_DE.utf8", "fr_FR.utf8", "rackhand.sources", "cannot access '/usr/sbin/policy-rc.d'", "nftables.service",
		"server 10.77.0.1 iburst", "iface eth0 inet dhcp",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the system lacks %q", want)
		}
	}
	checkFirewalls(t, m, r)
	checkForeignRepos(t, m, r)
	if err := m.Rep.Last(t.Context(), report.Event{}, time.Minute); err != nil {
		t.Error(err)
	}
}

// checkFirewalls carries out the same firewall line for the other firewalls, each of which is
// preferred to the one before.
func checkFirewalls(t *testing.T, m *machine, r *plan.Recipe) {
	t.Helper()
	var firewall plan.Step
	for _, s := range r.Config {
		if f, ok := s.(plan.FirewallStep); ok {
			firewall = f
		}
	}
	for _, c := range []struct{ name, look, want string }{
		{"ufw", "cat /etc/ufw/user.rules /etc/ufw/ufw.conf; ls /etc/systemd/system/*.wants", "-A ufw-user-input -p tcp --dport 8080 -j ACCEPT\n-A ufw-user-input -p udp -m multiport --dports 9000:9010 -j ACCEPT ENABLED=yes ufw.service --dport 22"},
		{"firewalld", "firewall-offline-cmd --list-all; ls /etc/systemd/system/*.wants", "8080/tcp 9000-9010/udp http ssh firewalld.service"},
	} {
		step := plan.PackageStep{Repos: r.Repos, Packages: r.Packages}
		step.Packages.Install, step.Packages.Exclude = []string{c.name}, nil
		for _, s := range []plan.Step{step, firewall} {
			if err := m.do(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
		out, err := exec.Command("chroot", m.target, "/bin/sh", "-c", c.look).CombinedOutput()
		t.Logf("%s (%v)", out, err)
		for _, want := range strings.Fields(c.want) {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: the system lacks %q", c.name, want)
			}
		}
	}
}

// checkForeignRepos installs under unsupported: skip with a repo of another distribution: the
// image's own sources are used.
func checkForeignRepos(t *testing.T, m *machine, r *plan.Recipe) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.target, "etc/apt/sources.list"), []byte("deb "+r.Repos[0].URL+" bookworm main\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(m.target, "etc/apt/sources.list.d/rackhand.sources")); err != nil {
		t.Fatal(err)
	}
	step := plan.PackageStep{Repos: []plan.Repo{{Name: "AppStream", URL: r.Repos[0].URL + "/no/such/os", Keep: true}}, Skip: true, Packages: r.Packages}
	step.Packages.Install = []string{"tree", "no-such-package-here"}
	if err := m.do(t.Context(), step); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("chroot", m.target, "/bin/sh", "-c", "dpkg-query -W -f '${Package} ${Status}' tree; ls /etc/apt/sources.list.d; cat /etc/apt/sources.list").CombinedOutput()
	t.Logf("%s (%v)", out, err)
	if !strings.Contains(string(out), "tree install ok installed") || strings.Contains(string(out), "rackhand.sources") || !strings.Contains(string(out), "bookworm main") {
		t.Error("repos of another distribution were not skipped")
	}
}
