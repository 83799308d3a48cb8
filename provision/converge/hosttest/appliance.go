package hosttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/janitor/space"
	"rackhand/provision/pki"
	"rackhand/provision/store"
)

// server is the address of the appliance on the network of its hosts.
const server = "10.77.0.1"

const config = "state: state\ninventory: inventory\nsecrets: secrets\nsocket: state.sock\ninterfaces: [eth1]\npage: {listen: \"\"}\nlimits: {reports: 3600}\n"

// Inventory declares the host web1 with a role, without further hosts.
func Inventory(role string) string {
	h := &Host{name: "web1", number: 1}
	return Network + "hosts:\n" + h.Declared("role: "+role)
}

// Network is the network of an appliance and its hosts, as the inventory declares it.
const Network = "networks:\n  rack1: {subnet: 10.77.0.0/24}\n"

// Declared is the host's line of an inventory: below hosts, with further keys.
func (h *Host) Declared(keys string) string {
	return fmt.Sprintf("  %s: {mac: %q, address: %s, install: never, %s}\n", h.name, h.MAC(), h.Address(), keys)
}

// Agent is the path of the agent's program on a host.
const Agent = "/usr/local/sbin/rackhand-agent"

// An Appliance serves hosts. Its network has nothing but it and them.
type Appliance struct {
	Socket string // of the operator

	t   testing.TB
	dir string
}

// Manage boots the host, enrolled with an appliance that serves it. inventory has the files
// of the inventory's folder: rack.yaml, roles/web.yaml, ... Nothing starts the agent.
func (h *Host) Manage(inventory map[string]string) {
	h.t.Helper()
	h.Serve(inventory)
	h.Boot()
}

// Serve is Manage without the boot. It returns the network namespace of the host.
func (h *Host) Serve(inventory map[string]string) (ns string) {
	h.t.Helper()
	Serve(h.t, inventory, h)
	return h.ns
}

// Serve enrols hosts with an appliance, which serves them until the test ends.
func Serve(t testing.TB, inventory map[string]string, hosts ...*Host) *Appliance {
	t.Helper()
	a := &Appliance{t: t, dir: t.TempDir()}
	a.Socket = filepath.Join(a.dir, "state.sock")
	save(t, filepath.Join(a.dir, "rackhand.yaml"), config)
	for file, text := range inventory {
		a.Declare(file, text)
	}
	must(t, os.Getenv("RACKHAND_BIN"), "check", filepath.Join(a.dir, "inventory"))
	agent, err := os.ReadFile(filepath.Join(os.Getenv("RACKHAND_BIN"), "../../bootfiles/payload/rackhand-agent-amd64"))
	if err != nil {
		t.Fatalf("%v: `make build` builds it", err)
	}
	ns := network(t, hosts)
	for _, h := range hosts {
		h.appliance = a
		h.Write("etc/rackhand/agent.json", `{"appliance": "https://`+server+`:8443", "host": "`+h.name+`"}`, 0o600)
		h.Write(Agent, string(agent), 0o755)
	}
	a.enrol(hosts)
	a.serve(ns)
	return a
}

// Declare writes a file of the inventory, at once for the appliance that reads it.
func (a *Appliance) Declare(file, text string) {
	a.t.Helper()
	path := filepath.Join(a.dir, "inventory", file)
	save(a.t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		a.t.Fatal(err)
	}
}

// network makes a network namespace for the appliance and one for each host, on one bridge.
func network(t testing.TB, hosts []*Host) (appliance string) {
	t.Helper()
	appliance = space.New(t, "appliance")
	lines := []string{
		"-n " + appliance + " link add eth1 type bridge",
		"-n " + appliance + " addr add " + server + "/24 dev eth1", "-n " + appliance + " link set eth1 up",
	}
	for _, h := range hosts {
		h.ns = space.New(t, "host")
		lines = append(
			lines,
			fmt.Sprintf("-n %s link add port%d type veth peer name eth0 netns %s", appliance, h.number, h.ns),
			fmt.Sprintf("-n %s link set port%d master eth1 up", appliance, h.number),
			"-n "+h.ns+" link set eth0 address "+h.MAC()+" up", "-n "+h.ns+" addr add "+h.Address()+"/24 dev eth0",
		)
	}
	for _, line := range lines {
		must(t, "ip", strings.Fields(line)...)
	}
	return appliance
}

// serve runs the appliance, and waits until it serves.
func (a *Appliance) serve(ns string) {
	a.t.Helper()
	program := os.Getenv("RACKHAND_BIN")
	var said bytes.Buffer
	cmd := exec.CommandContext(a.t.Context(), "ip", "netns", "exec", ns, program, "serve", "--config", filepath.Join(a.dir, "rackhand.yaml"))
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		a.t.Fatalf("%v: `make build` builds it, and RACKHAND_BIN names it", err)
	}
	for i := 0; ; i++ {
		out, err := exec.Command(program, "status", "--socket", a.Socket).CombinedOutput()
		if err == nil {
			return
		}
		if i == 300 {
			a.t.Fatalf("the appliance doesn't serve: %s\n%s", out, &said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Report is the latest report of the host that its appliance has.
func (h *Host) Report() catalog.Report {
	h.t.Helper()
	// The exit status tells what the run came to.
	out, _ := exec.Command(os.Getenv("RACKHAND_BIN"), "report", "--socket", h.appliance.Socket, "--json", h.name).CombinedOutput()
	var r catalog.Report
	if err := json.Unmarshal(out, &r); err != nil {
		h.t.Fatalf("rackhand report: %v\n%s", err, out)
	}
	return r
}

// enrol gives hosts their certificates, of the CA in the state folder.
func (a *Appliance) enrol(hosts []*Host) {
	a.t.Helper()
	state := filepath.Join(a.dir, "state")
	check(a.t, os.MkdirAll(state, 0o700))
	st, err := store.OpenBolt(filepath.Join(state, "rackhand.db"))
	check(a.t, err)
	defer st.Close()
	ca, err := pki.Open(filepath.Join(state, "ca"), netip.MustParseAddr(server), st, rand.Reader, time.Now)
	check(a.t, err)
	for _, h := range hosts {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(a.t, err)
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: h.name}}, key)
		check(a.t, err)
		csr, err := pki.ParseCSR(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), h.name)
		check(a.t, err)
		cert, err := ca.Sign(a.t.Context(), csr, h.name, "", nil)
		check(a.t, err)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		check(a.t, err)
		h.Write("etc/rackhand/ca.pem", string(ca.CA()), 0o600)
		h.Write("var/lib/rackhand-agent/key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), 0o600)
		h.Write("var/lib/rackhand-agent/cert.pem", string(cert), 0o600)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func save(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
