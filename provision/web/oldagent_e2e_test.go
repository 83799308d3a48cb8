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

// oldAgent has the source of an agent that reads the first catalog format alone, as of commit
// d5c8c02: cmd/rackhand-agent, provision/converge and provision/catalog without tests. Such an
// agent writes an empty file where the content isn't in the catalog.
const oldAgent = "testdata/agent-d5c8c02.tar.gz"

// An oldHost is a host with that old agent, and its appliance.
type oldHost struct {
	*testServer
	catalogs     *ownCatalogs
	binary, root string
	state        string // the agent's folder below root
}

// newOldHost builds the agent, and makes the root of an enrolled host.
func newOldHost(t *testing.T) *oldHost {
	t.Helper()
	dir := t.TempDir()
	o := &oldHost{testServer: newTestServer(t), binary: filepath.Join(dir, "rackhand-agent"), root: filepath.Join(dir, "root")}
	o.state = filepath.Join(o.root, "var/lib/rackhand-agent")
	run(t, "sh", "-ec", fmt.Sprintf("mkdir %s/source && tar -xzf %s -C %[1]s/source && cp ../../go.mod ../../go.sum %[1]s/source && cd %[1]s/source && CGO_ENABLED=0 go build -o %[3]s ./cmd/rackhand-agent", dir, oldAgent, o.binary))
	o.catalogs = o.withRoles()
	o.snap.Hosts["web1"].Address = netip.MustParseAddr("127.0.0.1")
	url := o.listen()
	key := o.certified("web1")
	for name, text := range map[string]string{
		filepath.Join(o.root, "etc/rackhand/agent.json"): fmt.Sprintf(`{"appliance": %q, "host": "web1"}`, url),
		filepath.Join(o.root, "etc/rackhand/ca.pem"):     string(o.server.Authority.CA()),
		filepath.Join(o.state, "key.pem"):                string(key.key),
		filepath.Join(o.state, "cert.pem"):               string(key.cert),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// listen serves the agents' routes over TLS until the test's end.
func (o *oldHost) listen() (url string) {
	o.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	url = "https://" + l.Addr().String()
	o.options.At = func(netip.Addr) templates.Appliance { return templates.Appliance{Agents: url} }
	o.options.Appliance.Agents = url
	o.serve()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- web.Serve(ctx, tls.NewListener(l, o.server.AgentTLS()), http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { o.agents.ServeHTTP(w, req) }), o.options.Log)
	}()
	o.t.Cleanup(func() { cancel(); <-served })
	return url
}

// once runs the agent once, checks its exit status, and returns its output. That agent sets
// the clock, so it runs without CAP_SYS_TIME.
func (o *oldHost) once(want int) string {
	o.t.Helper()
	out, err := exec.Command("setpriv", "--bounding-set=-sys_time", o.binary, "once", "--root-dir", o.root).CombinedOutput()
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		o.t.Fatal(err)
	}
	if code != want {
		o.t.Fatalf("exit %d, want %d:\n%s", code, want, out)
	}
	return string(out)
}

// wantFiles checks the contents of files; "" stands for a file that must not exist.
func (o *oldHost) wantFiles(when string, want map[string]string) {
	o.t.Helper()
	for name, text := range want {
		b, err := os.ReadFile(filepath.Join(o.root, name))
		if text == "" && !errors.Is(err, os.ErrNotExist) || text != "" && string(b) != text {
			o.t.Errorf("%s: %s holds %q, %v", when, name, b, err)
		}
	}
}

// forgetCatalog removes the catalog that the agent has kept.
func (o *oldHost) forgetCatalog() {
	o.t.Helper()
	if err := os.Remove(filepath.Join(o.state, "catalog.json")); err != nil {
		o.t.Fatal(err)
	}
}

// upgrade runs the command that the appliance shows for a host with too old an agent. The
// command's paths are changed to those below the root, and the new program's to binary.
func (o *oldHost) upgrade(binary string) {
	o.t.Helper()
	_, command, _ := strings.Cut(o.journal.Hosts()["web1"].Agent.TooOld, "on the host, run: ")
	command = strings.NewReplacer("/etc/rackhand", o.root+"/etc/rackhand", "/var/lib/rackhand-agent", o.state,
		"/usr/local/sbin/rackhand-agent", binary, "systemctl restart rackhand-agent", "true").Replace(command)
	if regexp.MustCompile(`\s/(etc|var)/`).MatchString(command) {
		o.t.Fatal(command)
	}
	run(o.t, "sh", "-ec", command)
}

// TestOldAgent runs an agent from before catalogs had formats. It gets catalogs that
// it can read, and keeps the last one when its role needs more. The command that the host
// shows upgrades it.
func TestOldAgent(t *testing.T) {
	o := newOldHost(t)
	text := declared("/motd", "hello naïve\n")
	secret := declared("/key", "secret:one")
	checks := []catalog.Check{{From: catalog.FromHost, Exec: &catalog.ExecCheck{Command: []string{"false"}}, Within: 1, Deadline: 1}}
	o.put(o.catalogs, &roles{resources: []catalog.Resource{text, secret}, checks: checks})
	o.once(2)
	if k, err := o.server.Reports.Last(t.Context(), "web1"); err != nil || k.Count().Checks != 0 {
		t.Errorf("%v: it has run checks: %+v", err, k)
	}
	o.wantFiles("at first", map[string]string{"motd": "hello naïve\n", "key": "value of one"})
	o.once(0)

	// The role needs more than this agent reads.
	der, _ := o.catalogs.added(t, "/key.der", 256)
	more := &roles{contents: []string{der.File.SHA256}, resources: []catalog.Resource{declared("/motd", "changed\n"), der, secret, declared("/large", "x")}}
	o.put(o.catalogs, more)
	o.once(0)
	o.wantFiles("too old", map[string]string{"motd": "hello naïve\n", "key": "value of one", "key.der": "", "large": ""})
	shown := o.journal.Hosts()["web1"].Agent.TooOld
	o.wantEvent("web1", "agent-too-old")
	if !strings.Contains(shown, "file[/key.der] is binary") {
		t.Errorf("the host shows %q", shown)
	}
	o.forgetCatalog()
	o.once(0) // it gets the last one that it can read
	o.wantFiles("without its catalog", map[string]string{"motd": "hello naïve\n", "key.der": "", "large": ""})

	// A restarted appliance remembers no older catalog.
	restarted := o.withRoles()
	restarted.store = o.catalogs.store
	if err := restarted.Put(o.snap, more); err != nil {
		t.Fatal(err)
	}
	o.once(0)
	o.forgetCatalog()
	if out := o.once(1); !strings.Contains(out, "too old") {
		t.Errorf("it says\n%s", out)
	}
	o.wantFiles("with nothing", map[string]string{"motd": "hello naïve\n", "key.der": "", "large": ""})

	// The command that is shown, for both kinds of systems.
	if _, err := bootfiles.Payload(bootfiles.PayloadAgent, inventory.ArchAMD64); err != nil {
		t.Fatalf("%v: `make build` brings it", err)
	}
	for _, installer := range []string{inventory.InstallerAnaconda, inventory.InstallerImage} {
		o.snap.Systems["debian12"].Installer = installer
		o.once(1)
		o.upgrade(o.binary + installer)
	}
	old := o.binary
	o.binary += inventory.InstallerImage
	o.put(restarted, more)
	o.once(2)
	o.wantUpgraded(der.File.SHA256)
	// The old agent, put back, does not take a catalog without contents for its own.
	o.binary = old
	o.once(1)
	o.wantFiles("put back", map[string]string{"motd": "changed\n", "key": "value of one", "large": "x"})
}

// wantUpgraded checks the host's files, whose binary one has a sum, and that the agent keeps
// no secret in its copy of the catalog.
func (o *oldHost) wantUpgraded(sum string) {
	o.t.Helper()
	got, err := os.ReadFile(filepath.Join(o.root, "key.der"))
	if err != nil || catalog.Sum(string(got)) != sum {
		o.t.Errorf("upgraded, the binary file has %d bytes, %v", len(got), err)
	}
	o.wantFiles("upgraded", map[string]string{"motd": "changed\n", "key": "value of one", "large": "x"})
	if a := o.journal.Hosts()["web1"].Agent; a.TooOld != "" {
		o.t.Errorf("upgraded, it is %+v", a)
	}
	kept, err := os.ReadFile(filepath.Join(o.state, "catalog-2.json"))
	if err != nil || strings.Contains(string(kept), "value of one") {
		o.t.Errorf("the kept catalog holds a secret: %s, %v", kept, err)
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}
