//go:build e2e

package web_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision/catalog"
	"rackhand/provision/web"
	"rackhand/templates"
)

// oldAgent is the commit of the last agents that read the first catalog format alone. They
// write an empty file where the content isn't in the catalog.
const oldAgent = "d5c8c02"

// TestOldAgent runs the agent of a commit before catalogs had formats: it is given what it
// can read, keeps that when its role needs more, and the command that the host shows
// upgrades it.
func TestOldAgent(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "rackhand-agent")
	run(t, "sh", "-ec", fmt.Sprintf("mkdir %s/source && git -C ../.. archive %s | tar -x -C %[1]s/source && cd %[1]s/source && CGO_ENABLED=0 go build -o %[3]s ./cmd/rackhand-agent", dir, oldAgent, binary))
	r := newTestServer(t)
	own := r.withRoles()
	r.snap.Hosts["web1"].Address = netip.MustParseAddr("127.0.0.1")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "https://" + l.Addr().String()
	r.options.At = func(netip.Addr) templates.Appliance { return templates.Appliance{Agents: url} }
	r.options.Appliance.Agents = url
	r.serve()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- web.Serve(ctx, tls.NewListener(l, r.server.AgentTLS()), http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.agents.ServeHTTP(w, req) }), r.options.Log)
	}()
	defer func() { cancel(); <-served }()

	root := filepath.Join(dir, "root")
	key := r.certified("web1")
	folder := filepath.Join(root, "var/lib/rackhand-agent")
	for name, text := range map[string]string{
		filepath.Join(root, "etc/rackhand/agent.json"): fmt.Sprintf(`{"appliance": %q, "host": "web1"}`, url),
		filepath.Join(root, "etc/rackhand/ca.pem"):     string(r.server.Authority.CA()),
		filepath.Join(folder, "key.pem"):               string(key.key),
		filepath.Join(folder, "cert.pem"):              string(key.cert),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// No CAP_SYS_TIME: that agent sets the clock.
	once := func(want int) string {
		t.Helper()
		out, err := exec.Command("setpriv", "--bounding-set=-sys_time", binary, "once", "--root-dir", root).CombinedOutput()
		code := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != want {
			t.Fatalf("exit %d, want %d:\n%s", code, want, out)
		}
		return string(out)
	}
	has := func(when string, want map[string]string) {
		t.Helper()
		for name, text := range want {
			b, err := os.ReadFile(filepath.Join(root, name))
			if text == "" && !errors.Is(err, os.ErrNotExist) || text != "" && string(b) != text {
				t.Errorf("%s: %s holds %q, %v", when, name, b, err)
			}
		}
	}
	text := declared("/motd", "hello naïve\n")
	secret := declared("/key", "secret:one")
	r.put(own, &roles{resources: []catalog.Resource{text, secret}})
	once(2)
	has("at first", map[string]string{"motd": "hello naïve\n", "key": "value of one"})
	once(0)

	// The role needs more than this agent reads.
	der, _ := own.added(t, "/key.der", 256)
	more := &roles{contents: []string{der.File.SHA256}, resources: []catalog.Resource{declared("/motd", "changed\n"), der, secret, declared("/large", "x")}}
	r.put(own, more)
	once(0)
	has("too old", map[string]string{"motd": "hello naïve\n", "key": "value of one", "key.der": "", "large": ""})
	told := r.journal.Hosts()["web1"].Agent.TooOld
	r.wantEvent("web1", "agent-too-old")
	if !strings.Contains(told, "file[/key.der] is binary") {
		t.Errorf("it is told that %q", told)
	}
	if err := os.Remove(filepath.Join(folder, "catalog.json")); err != nil {
		t.Fatal(err)
	}
	once(0) // given the last one that it can read
	has("without its catalog", map[string]string{"motd": "hello naïve\n", "key.der": "", "large": ""})
	// An appliance that was started since remembers none.
	again := r.withRoles()
	again.store = own.store
	if err := again.Put(r.snap, more); err != nil {
		t.Fatal(err)
	}
	once(0)
	if err := os.Remove(filepath.Join(folder, "catalog.json")); err != nil {
		t.Fatal(err)
	}
	if out := once(1); !strings.Contains(out, "too old") {
		t.Errorf("it says\n%s", out)
	}
	has("with nothing", map[string]string{"motd": "hello naïve\n", "key.der": "", "large": ""})

	// The command that is shown, for this root, of both kinds of systems.
	if _, err := bootfiles.Payload(bootfiles.PayloadAgent); err != nil {
		t.Fatalf("%v: `make build` brings it", err)
	}
	for _, installer := range []string{inventory.InstallerAnaconda, inventory.InstallerImage} {
		r.snap.Systems["debian12"].Installer = installer
		once(1)
		_, command, _ := strings.Cut(r.journal.Hosts()["web1"].Agent.TooOld, "on the host, run: ")
		command = strings.NewReplacer("/etc/rackhand", root+"/etc/rackhand", "/var/lib/rackhand-agent", folder,
			"/usr/local/sbin/rackhand-agent", binary+installer, "systemctl restart rackhand-agent", "true").Replace(command)
		if regexp.MustCompile(`\s/(etc|var)/`).MatchString(command) {
			t.Fatal(command)
		}
		run(t, "sh", "-ec", command)
	}
	binary += inventory.InstallerImage
	r.put(again, more)
	once(2)
	got, err := os.ReadFile(filepath.Join(root, "key.der"))
	if err != nil || catalog.Sum(string(got)) != der.File.SHA256 {
		t.Errorf("upgraded, the binary file has %d bytes, %v", len(got), err)
	}
	has("upgraded", map[string]string{"motd": "changed\n", "key": "value of one", "large": "x"})
	if a := r.journal.Hosts()["web1"].Agent; a.TooOld != "" {
		t.Errorf("upgraded, it is %+v", a)
	}
	kept, err := os.ReadFile(filepath.Join(folder, "catalog.json"))
	if err != nil || strings.Contains(string(kept), "value of one") {
		t.Errorf("a secret stands in what is kept: %s, %v", kept, err)
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}
