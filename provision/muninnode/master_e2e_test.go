//go:build e2e

package muninnode

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

var shots = flag.String("shots", "", "a folder for the graphs that munin draws")

// nobody is the user that munin's programs run as here: they refuse root.
const nobody = 65534

// TestMaster: Debian's munin-update takes every graph into its databases, and munin-html makes
// their pages. `make e2e` unpacks munin; nothing of it is installed.
func TestMaster(t *testing.T) {
	peer := filepath.Join(os.Getenv("RACKHAND_PEERS"), "munin")
	if _, err := os.Stat(filepath.Join(peer, "usr/share/munin/munin-update")); err != nil {
		t.Fatalf("%v: RACKHAND_PEERS names the folder in which `make e2e` unpacks munin", err)
	}
	s := newServer(t)
	s.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	dir, err := os.MkdirTemp("", "munin") // where another user may go, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// The folder of peers may lie where only root goes.
	if out, err := exec.CommandContext(t.Context(), "sh", "-ec", `cp -r "$0" "$1" && chmod -R a+rX "$1"`, peer, filepath.Join(dir, "munin")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	peer = filepath.Join(dir, "munin")
	conf := fmt.Sprintf("includedir %s/none\ntmpldir %s/etc/munin/templates\nstaticdir %[2]s/etc/munin/static\ngraph_strategy cron\nhtml_strategy cron\n", dir, peer)
	for _, sub := range []string{"db", "html", "log", "run", "none"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if sub != "none" {
			conf += fmt.Sprintf("%sdir %s/%[1]s\n", sub, dir)
		}
		if err := os.Chown(filepath.Join(dir, sub), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	conf += fmt.Sprintf("[rack;%s]\naddress 127.0.0.1\nport %d\nuse_node_name yes\n", s.Name, l.Addr().(*net.TCPAddr).Port)
	if err := os.WriteFile(filepath.Join(dir, "munin.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "none"), filepath.Join(dir, "munin.conf")} { // under any umask
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	munin := func(program string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "perl", append([]string{filepath.Join(peer, "usr/share/munin", program), "--config", filepath.Join(dir, "munin.conf")}, args...)...)
		triplet := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
		archPerl, _ := filepath.Glob(filepath.Join(peer, "usr/lib", triplet, "perl5/*"))
		cmd.Env = []string{
			"PATH=/usr/bin:/bin", "HOME=" + dir, "LC_ALL=C", "TZ=UTC0", "LD_LIBRARY_PATH=" + filepath.Join(peer, "usr/lib", triplet),
			"PERL5LIB=" + strings.Join(append(archPerl, filepath.Join(peer, "usr/share/perl5")), ":"),
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL}
		out, err := cmd.CombinedOutput()
		if err != nil {
			logs, _ := filepath.Glob(filepath.Join(dir, "log/*"))
			for _, name := range logs {
				text, _ := os.ReadFile(name)
				out = append(out, text[max(0, len(text)-3000):]...)
			}
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	munin("munin-update")
	gathered, err := s.Gather()
	if err != nil || len(gathered) == 0 {
		t.Fatal(err)
	}
	for _, want := range []string{
		"rackhand_hosts-serving-g", "rackhand_hosts-needs_a_look-g", "rackhand_http-image-d", "rackhand_pool-rack1_used-g", "rackhand_certificates-CA-g", "rackhand_writes-time-d",
	} {
		if _, err := os.Stat(filepath.Join(dir, "db/rack", s.Name+"-"+want+".rrd")); err != nil {
			t.Errorf("munin-update kept no database: %v", err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "db/datafile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range graphs() {
		if !strings.Contains(string(text), "rackhand.example:"+g.name+".graph_title "+g.title+"\n") {
			t.Errorf("munin has no title of %s", g.name)
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log/munin-update.log"))
	for l := range strings.Lines(string(log)) {
		// It tunes a database before it makes it.
		if (strings.Contains(l, "[WARNING]") || strings.Contains(l, "[ERROR]")) && !strings.Contains(l, "Tuning ") {
			t.Errorf("munin-update says %s", l)
		}
	}
	munin("munin-limits")
	munin("munin-html")
	if page, err := os.ReadFile(filepath.Join(dir, "html/rack", s.Name, "index.html")); err != nil || !strings.Contains(string(page), "Hosts by state") {
		t.Errorf("the page of the appliance: %v", err)
	}
	if *shots == "" {
		return
	}
	munin("munin-graph", "--cron")
	pictures, _ := filepath.Glob(filepath.Join(dir, "html/rack", s.Name, "*-day.png"))
	for _, p := range pictures {
		b, err := os.ReadFile(p)
		if err == nil {
			err = os.WriteFile(filepath.Join(*shots, filepath.Base(p)), b, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d graphs are in %s", len(pictures), *shots)
}
