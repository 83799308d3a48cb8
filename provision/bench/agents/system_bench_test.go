//go:build bench

package agents

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/janitor/container"
	"rackhand/provision/janitor/space"
	"rackhand/provision/pki"
	"rackhand/provision/store"
)

var write = flag.Bool("write", false, "put the table into docs/performance.md")

// system is a booted Debian with all contenders, and an appliance on its network.
type system struct {
	t      *testing.T
	root   string
	inside []string // the command line before a program that runs in it
	load   string
}

func newSystem(t *testing.T) *system {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	peer := filepath.Join(os.Getenv("RACKHAND_PEERS"), "agents")
	if _, err := os.Stat(filepath.Join(peer, "usr/bin/cf-agent")); err != nil {
		t.Fatalf("RACKHAND_PEERS names the folder in which `make deps-bench` makes the system of the agents: %v", err)
	}
	s := &system{t: t, root: filepath.Join(t.TempDir(), "root"), load: strings.Fields(string(load))[0]}
	must(t, "cp", "-a", "--reflink=auto", peer, s.root)
	appliance, host := network(t)
	s.appliance(appliance, map[string]string{"bench": Role()})
	for i := range services {
		s.write("etc/systemd/system/"+service(i)+".service", unit(i))
	}
	s.write("root/bench.pp", Manifest())
	s.write("root/bench.yml", Playbook())
	s.write("root/bench.cf", Promises())
	s.agent()
	s.boot(host)
	s.do("mkdir", "-p", "/srv/bench")
	return s
}

// network makes two network namespaces, with a link between them.
func network(t *testing.T) (appliance, host string) {
	t.Helper()
	appliance, host = space.New(t, "appliance"), space.New(t, "host")
	for _, line := range []string{
		"-n " + appliance + " link set lo up", "-n " + host + " link set lo up",
		"-n " + appliance + " link add eth1 type veth peer name eth0 netns " + host,
		"-n " + appliance + " addr add 10.77.0.1/24 dev eth1", "-n " + appliance + " link set eth1 up",
		"-n " + host + " link set eth0 address 52:54:00:00:00:01 up", "-n " + host + " addr add 10.77.0.11/24 dev eth0",
	} {
		must(t, "ip", strings.Fields(line)...)
	}
	return appliance, host
}

// agent puts the agent into the system, and returns its path.
func (s *system) agent() string {
	s.t.Helper()
	agent, err := os.ReadFile("../../../bootfiles/payload/rackhand-agent")
	if err != nil {
		s.t.Fatalf("%v: `make build` builds it", err)
	}
	const name = "usr/local/sbin/rackhand-agent"
	s.write(name, string(agent))
	path := filepath.Join(s.root, name)
	if err := os.Chmod(path, 0o755); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// appliance serves the host's catalog in a network namespace. The host has the first of the
// roles.
func (s *system) appliance(ns string, roles map[string]string) {
	dir := s.t.TempDir()
	s.write("etc/rackhand/agent.json", `{"appliance": "https://10.77.0.1:8443", "host": "web1"}`)
	save := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	save("rackhand.yaml", "state: state\ninventory: inventory\nsecrets: secrets\nsocket: state.sock\ninterfaces: [eth1]\npage: {listen: \"\"}\nlimits: {reports: 3600}\n")
	save("inventory/rack.yaml", "networks:\n  rack1: {subnet: 10.77.0.0/24}\nhosts:\n  web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11, role: "+slices.Min(slices.Collect(maps.Keys(roles)))+", install: never}\n")
	for name, text := range roles {
		save("inventory/roles/"+name+".yaml", text)
	}
	s.enrol(filepath.Join(dir, "state"))
	var said bytes.Buffer
	cmd := exec.CommandContext(s.t.Context(), "ip", "netns", "exec", ns, os.Getenv("RACKHAND_BIN"), "serve", "--config", filepath.Join(dir, "rackhand.yaml"))
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for i := 0; ; i++ {
		out, err := exec.Command(os.Getenv("RACKHAND_BIN"), "status", "--socket", filepath.Join(dir, "state.sock")).CombinedOutput()
		if err == nil {
			return
		}
		if i == 300 {
			s.t.Fatalf("the appliance doesn't serve: %s\n%s", out, &said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// enrol gives the host its certificate, of the CA in a state folder.
func (s *system) enrol(state string) {
	check := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	check(os.MkdirAll(state, 0o700))
	st, err := store.OpenBolt(filepath.Join(state, "rackhand.db"))
	check(err)
	defer st.Close()
	ca, err := pki.Open(filepath.Join(state, "ca"), netip.MustParseAddr("10.77.0.1"), st, rand.Reader, time.Now)
	check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "web1"}}, key)
	check(err)
	csr, err := pki.ParseCSR(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), "web1")
	check(err)
	cert, err := ca.Sign(s.t.Context(), csr, "web1", "", nil)
	check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	s.write("etc/rackhand/ca.pem", string(ca.CA()))
	s.write("var/lib/rackhand-agent/key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	s.write("var/lib/rackhand-agent/cert.pem", string(cert))
}

// boot boots the system in a network namespace. It can't set the machine's clock.
func (s *system) boot(ns string) {
	s.inside = container.Boot(s.t, s.root, "--network-namespace-path=/run/netns/"+ns)
}

// do runs a program in the system, which must succeed.
func (s *system) do(args ...string) string {
	s.t.Helper()
	return must(s.t, s.inside[0], append(s.inside[1:], args...)...)
}

func (s *system) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// version is that of a contender.
func (s *system) version(name string) string {
	command, ok := map[string]string{"CFEngine": "cf-agent --version", "Puppet": "puppet --version", "ansible-core": "ansible --version"}[name]
	if !ok {
		return "this"
	}
	return regexp.MustCompile(`\d+(\.\d+)+`).FindString(s.do("sh", "-c", "LC_ALL=C.UTF-8 HOME=/root "+command))
}

func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
