package installer

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// scratch is a machine whose target is a folder with these files.
func scratch(t *testing.T, files map[string]string) *machine {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(to, filepath.Join(dir, name))
		} else {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	clean := report.NewRedactor().Clean
	m := &machine{target: dir, Log: report.Log{Con: report.NewConsole(time.Now, clean)}, clk: &fake.Clock{}}
	m.Rep = report.NewReporter("", nil, m.clk, clean, fake.NoLog)
	return m
}

// TestConfigGolden: the commands and files of each tool that a Kickstart may have.
func TestConfigGolden(t *testing.T) {
	r := recipeOf(t, `firewall --enabled --port=8080:tcp,9000-9010:udp --service=http,dns --trust=lan1 --remove-service=dns
timezone Europe/Berlin --utc --ntpservers=10.0.0.1
timesource --ntp-pool=pool.example --nts
user --name=op --gecos="An operator" --uid=1500 --gid=1600 --groups=adm,ops(700),new --homedir=/srv/op --shell=/bin/bash
repo --name=debian --baseurl=http://10.77.0.1/mirror/debian --install
repo --name=debian-security --baseurl=http://10.77.0.1/mirror/security
repo --name=rocky-baseos --baseurl='http://10.77.0.1/mirror/rocky/$releasever/BaseOS/$basearch/os/' --install
repo --name=own --baseurl=http://10.77.0.1/mirror/own
%packages --excludedocs --exclude-weakdeps --ignoremissing --timeout=20 --retries=7
tmux
g++
-vim
%end
`)
	var b strings.Builder
	fw := r.Config[0].(plan.FirewallStep)
	ports := append(slices.Clone(fw.Ports), servicePorts("http 80/tcp www # WorldWideWeb\n", "http")...)
	fmt.Fprintf(&b, "%s\n\n== firewalld\n%s\n\n== ufw\n", fw, strings.Join(firewalldCommand(fw), " "))
	for _, argv := range ufwCommands(fw, ports) {
		b.WriteString(strings.Join(argv, " ") + "\n")
	}
	fmt.Fprintf(&b, "\n== nftables\n%s\n== chrony\n%s\n== users\n", nftablesFile(fw, ports), chronyConf("pool 2.debian.pool iburst\nsourcedir /etc/chrony/sources.d\ndriftfile /var/lib/chrony/drift", r.Time.Sources))
	user := r.Config[len(r.Config)-1].(plan.UserStep)
	for _, passwd := range []string{"root:x:0:0::/root:/bin/sh\n", "op:x:1000:1000::/home/op:/bin/sh\n"} {
		for _, argv := range userCommands(user, passwd, "root:x:0:\nadm:x:4:\n") {
			b.WriteString(strings.Join(argv, " ") + "\n")
		}
	}
	for _, g := range []plan.GroupStep{{Name: "adm", GID: ""}, {Name: "adm", GID: "7"}, {Name: "dba", GID: "8"}, {Name: "dba", GID: ""}} {
		fmt.Fprintf(&b, "%s: %s\n", g, strings.Join(groupCommand(g, "root:x:0:\nadm:x:4:\n"), " "))
	}
	for _, tool := range []struct {
		name    string
		p       packager
		release osRelease
	}{
		{"apt, Debian", apt{keyring: map[string]string{"debian": "/usr/share/keyrings/debian-archive-keyring.gpg"}}, osRelease{ID: "debian", Codename: "bookworm"}},
		{"dnf, Rocky", dnf{keys: []string{"etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9"}}, osRelease{ID: "rocky"}},
	} {
		fmt.Fprintf(&b, "\n== %s\n", tool.name)
		repos := slices.DeleteFunc(slices.Clone(r.Repos), func(p plan.Repo) bool { return !tool.release.fits(p) })
		own, kept := tool.p.files(repos, tool.release)
		for _, f := range append(own, kept...) {
			b.WriteString(f.String() + "\n")
		}
		for _, argv := range [][]string{tool.p.refresh(r.Packages, true), tool.p.query(r.Packages, true), tool.p.install(r.Packages, true), tool.p.clean()} {
			b.WriteString("$ " + strings.Join(argv, " ") + "\n")
		}
	}
	checkGolden(t, "testdata/config.golden", b.String())
}

func TestPackageProgress(t *testing.T) {
	read := apt{}.progress()
	var got string
	for _, l := range []string{"Reading package lists...", "0 upgraded, 2 newly installed, 0 to remove and 3 not upgraded.", "Unpacking a (1) ...", "Setting up a (1) ...", "Unpacking b (1) ...", "Setting up b (1) ..."} {
		done, all := read(l)
		got += fmt.Sprintf("%d/%d ", done, all)
	}
	if got != "0/0 0/2 0/2 1/2 1/2 2/2 " {
		t.Errorf("apt: %s", got)
	}
	if done, all := (dnf{}).progress()("  Installing       : tmux-3.2a-5.el9.x86_64      3/12 "); done != 3 || all != 12 {
		t.Errorf("dnf: %d of %d", done, all)
	}
	if done, all := (dnf{}).progress()("(3/12): tmux.rpm"); done != 0 || all != 0 {
		t.Errorf("dnf: a download is counted: %d of %d", done, all)
	}
	there, missing := aptAvailable(strings.Split("tmux:\n  Installed: (none)\n  Candidate: 3.3a-3\nmta:\n  Installed: (none)\n  Candidate: (none)", "\n"), []string{"tmux", "mta", "nix"})
	if !slices.Equal(there, []string{"tmux"}) || !slices.Equal(missing, []string{"mta", "nix"}) {
		t.Errorf("there %v, missing %v", there, missing)
	}
}

func TestFindPackager(t *testing.T) {
	root := fstest.MapFS{"usr/bin/apt-get": {}, "usr/share/keyrings/ubuntu-archive-keyring.gpg": {}}
	if a, ok := findPackager(root).(apt); !ok || a.keyring["ubuntu"] != "/usr/share/keyrings/ubuntu-archive-keyring.gpg" || a.keyring["debian"] != "" {
		t.Errorf("%+v", findPackager(root))
	}
	if d, ok := findPackager(fstest.MapFS{"usr/bin/dnf": {}, "etc/pki/rpm-gpg/RPM-GPG-KEY-x": {}}).(dnf); !ok || len(d.keys) != 1 {
		t.Errorf("%+v", d)
	}
	if findPackager(fstest.MapFS{}) != nil {
		t.Error("an empty image has a package manager")
	}
	o := readOSRelease("ID=debian\nVERSION_CODENAME=\"bookworm\"\nID_LIKE='x y'\nbroken\n")
	if o != (osRelease{"debian", "bookworm"}) {
		t.Errorf("%+v", o)
	}
}

// Without a package manager, %packages is a failure and kept repos are nothing.
func TestPackagesWithout(t *testing.T) {
	m := scratch(t, map[string]string{"etc/os-release": "ID=x\n"})
	r := recipeOf(t, "repo --name=own --baseurl=http://a/ --install\n%packages\ntmux\n%end\n")
	if err := m.do(t.Context(), plan.PackageStep{Packages: r.Packages, Repos: r.Repos}); err == nil || !strings.Contains(err.Error(), "no apt and no dnf") {
		t.Errorf("got %v", err)
	}
	if err := m.do(t.Context(), plan.PackageStep{Repos: r.Repos}); err != nil {
		t.Error(err)
	}
}

// Packages ask before they start a service. The answer is no, and the image's own answer is
// back afterwards.
func TestNoServices(t *testing.T) {
	for _, old := range []string{"", "#!/bin/sh\nexit 0\n"} {
		files := map[string]string{}
		if old != "" {
			files[policyFile] = old
		}
		m := scratch(t, files)
		back, err := noServices(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, filepath.Join(m.target, policyFile)); !strings.Contains(got, "exit 101") {
			t.Errorf("got %q", got)
		}
		back()
		got, _ := os.ReadFile(filepath.Join(m.target, policyFile))
		if string(got) != old {
			t.Errorf("got %q, want %q", got, old)
		}
	}
}

func TestRepoStep(t *testing.T) {
	m := scratch(t, map[string]string{
		"usr/lib/os-release": "ID=debian\nVERSION_CODENAME=trixie\n", "usr/bin/apt-get": "", "etc/apt/sources.list": "deb http://gone x main\n",
	})
	r := recipeOf(t, "repo --name=debian --baseurl=http://a/ --install\nrepo --name=ubuntu --baseurl=http://b/ --install\n")
	if err := m.do(t.Context(), plan.PackageStep{Repos: r.Repos}); err != nil {
		t.Fatal(err)
	}
	got := readFile(t, filepath.Join(m.target, "etc/apt/sources.list.d/rackhand.sources"))
	if !strings.Contains(got, "URIs: http://a/\nSuites: trixie trixie-updates\n") || strings.Contains(got, "http://b/") {
		t.Errorf("got %s", got)
	}
	if _, err := os.Stat(filepath.Join(m.target, "etc/apt/sources.list")); err == nil {
		t.Error("the sources of the image's maker are still there")
	}
}

// Steps in a scratch root whose tools are not there, or are.
func TestStepsInRoot(t *testing.T) {
	fw := plan.FirewallStep{}
	if err := scratch(t, nil).do(t.Context(), fw); err == nil || !strings.Contains(err.Error(), "no firewalld, ufw or nftables") {
		t.Errorf("a firewall without a tool: %v", err)
	}
	m := scratch(t, map[string]string{"usr/sbin/nft": "", "etc/services": "http 80/tcp\n"})
	fw.Services = []string{"gopher"}
	if err := m.do(t.Context(), fw); err == nil || !strings.Contains(err.Error(), "no service gopher") {
		t.Errorf("a service that nobody knows: %v", err)
	}
	if err := m.do(t.Context(), plan.FirewallStep{Disabled: true}); err != nil {
		t.Error(err)
	}
	if err := m.do(t.Context(), plan.SELinuxStep{Mode: "enforcing"}); err == nil {
		t.Error("SELinux is enforced where there is none")
	}
	m = scratch(t, map[string]string{"etc/selinux/config": "SELINUX=disabled\nSELINUXTYPE=targeted\n"})
	if err := m.do(t.Context(), plan.LabelStep{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(m.target, ".autorelabel")); err == nil {
		t.Error("files are labelled for an SELinux that is off")
	}
	for _, s := range []plan.Step{plan.SELinuxStep{Mode: "enforcing"}, plan.LabelStep{}} {
		if err := m.do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(m.target, ".autorelabel")); err != nil || !strings.Contains(readFile(t, filepath.Join(m.target, "etc/selinux/config")), "SELINUX=enforcing") {
		t.Errorf("SELinux: %v", err)
	}
	m = scratch(t, map[string]string{"etc/chrony/chrony.conf": "pool x iburst\n"})
	if err := m.do(t.Context(), plan.TimeStep{Sources: []plan.TimeSource{{Name: "10.0.0.1"}}}); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(m.target, "etc/chrony/chrony.conf")); strings.Contains(got, "pool") || !strings.Contains(got, "server 10.0.0.1 iburst\n") {
		t.Errorf("chrony: %s", got)
	}
	if err := scratch(t, nil).do(t.Context(), plan.TimeStep{Sources: []plan.TimeSource{{Name: "a"}}}); err != nil {
		t.Error(err) // reported as a warning
	}
	m = scratch(t, map[string]string{"usr/lib/systemd/system/systemd-timesyncd.service": ""})
	if err := m.do(t.Context(), plan.TimeStep{Sources: []plan.TimeSource{{Name: "a", NTS: true}}}); err == nil {
		t.Error("systemd-timesyncd authenticates")
	}
	m = scratch(t, nil)
	a := &fake.Appliance{Statuses: []int{204}}
	m.Rep = reportTo(t, a, m.clk)
	if err := m.do(t.Context(), plan.LocaleStep{Lang: "de_DE.UTF-8"}); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(m.target, "etc/locale.conf")); got != "LANG=de_DE.UTF-8\n" {
		t.Errorf("locale: %q", got)
	}
	if e := heard(t, m.Rep, a)[0]; e.Level != "warn" || !strings.Contains(e.Message, "no locale de_DE.UTF-8") {
		t.Errorf("%+v", e)
	}
	if got := localeGen("# en_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n", []string{"de_DE.UTF-8", "fr_FR", "de_AT.ISO-8859-1"}); got != "# en_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\nfr_FR.UTF-8 UTF-8\nde_AT.ISO-8859-1 ISO-8859-1\n" {
		t.Errorf("locale.gen: %q", got)
	}
}

// resolv.conf is a file, but where systemd-resolved has it: there its link stays.
func TestResolvStep(t *testing.T) {
	m := scratch(t, map[string]string{"etc/resolv.conf": "old"})
	s := plan.ResolvConfStep{Text: "search rack\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n"}
	if err := m.do(t.Context(), s); err != nil || readFile(t, filepath.Join(m.target, "etc/resolv.conf")) != s.Text {
		t.Errorf("%v", err)
	}
	m = scratch(t, map[string]string{"etc/resolv.conf": "-> ../run/systemd/resolve/stub-resolv.conf"})
	if err := m.do(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(m.target, "etc/resolv.conf")); got != s.Text { // by way of the link
		t.Errorf("got %q", got)
	}
	if got := readFile(t, filepath.Join(m.target, "etc/systemd/resolved.conf.d/rackhand.conf")); !strings.Contains(got, "DNS=10.0.0.1 10.0.0.2\nDomains=rack\n") {
		t.Errorf("got %q", got)
	}
}

func TestNetworkStep(t *testing.T) {
	facts := oneDisk()
	devices, err := netconf.Resolve(recipeOf(t, "network --device=eth0 --bootproto=dhcp\n").Networks, facts.NICs, facts.BootNIC)
	if err != nil {
		t.Fatal(err)
	}
	if err := scratch(t, nil).do(t.Context(), plan.NetworkStep{Devices: devices}); err == nil || !strings.Contains(err.Error(), "no tool for its network") {
		t.Errorf("got %v", err)
	}
	m := scratch(t, map[string]string{"usr/sbin/netplan": "", "etc/cloud/cloud.cfg.d/x": ""})
	if err := m.do(t.Context(), plan.NetworkStep{Devices: devices}); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(m.target, "etc/netplan/99-rackhand.yaml"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	readFile(t, filepath.Join(m.target, "etc/cloud/cloud.cfg.d/99-rackhand.cfg"))
}

// The installer's lines go to a syslog host by TCP, and by UDP where none listens.
func TestRemoteLog(t *testing.T) {
	at := time.Date(2026, 11, 26, 1, 2, 3, 4e6, time.UTC)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(l.Addr().String())
	lines := make(chan string, 10)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for s := bufio.NewScanner(c); s.Scan(); {
			lines <- s.Text()
		}
	}()
	log := newRemoteLog(host, port, "web1", func() time.Time { return at })
	go log.Run(t.Context())
	con := report.NewConsole(time.Now, report.NewRedactor("hunter2").Clean)
	con.SetSink(log.add)
	con.Printf("a secret: hunter2\x1b[1m")
	log.close(5 * time.Second)
	want := fmt.Sprintf("<14>1 2026-11-26T01:02:03.004Z web1 rackhand-installer %d - - a secret: … [1m", os.Getpid())
	if got := <-lines; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	l.Close()

	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	host, port, _ = net.SplitHostPort(udp.LocalAddr().String())
	log = newRemoteLog(host, port, "-", func() time.Time { return at })
	go log.Run(t.Context())
	log.add("line")
	buf := make([]byte, 2000)
	if err := udp.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, _, err := udp.ReadFrom(buf)
	if err != nil || !strings.HasSuffix(string(buf[:n]), " - - line") {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	log.close(5 * time.Second)
}

func checkGolden(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readFile(t, golden); got != want {
		t.Errorf("this is not %s (-update rewrites it):\n%s", golden, got)
	}
}
