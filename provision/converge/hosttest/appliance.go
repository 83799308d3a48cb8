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

// The host and its appliance, on a network that has nothing else.
const (
	name    = "web1"
	address = "10.77.0.11"
	server  = "10.77.0.1"
	mac     = "52:54:00:00:00:01"

	config = "state: state\ninventory: inventory\nsecrets: secrets\nsocket: state.sock\ninterfaces: [eth1]\npage: {listen: \"\"}\nlimits: {reports: 3600}\n"
)

// Inventory declares the host web1 with a role, without further hosts.
func Inventory(role string) string {
	return "networks:\n  rack1: {subnet: 10.77.0.0/24}\nhosts:\n  " + name + ": {mac: \"" + mac + "\", address: " + address + ", role: " + role + ", install: never}\n"
}

// Agent is the path of the agent's program on a host.
const Agent = "/usr/local/sbin/rackhand-agent"

// Manage boots the host, enrolled with an appliance that serves it. inventory has the files
// of the inventory's folder: rack.yaml, roles/web.yaml, ... Nothing starts the agent.
func (h *Host) Manage(inventory map[string]string) {
	h.t.Helper()
	h.boot(h.Serve(inventory))
}

// Serve is Manage without the boot. It returns the network namespace of the host.
func (h *Host) Serve(inventory map[string]string) (ns string) {
	h.t.Helper()
	appliance, host := space.New(h.t, "appliance"), space.New(h.t, "host")
	for _, line := range []string{
		"-n " + appliance + " link add eth1 type veth peer name eth0 netns " + host,
		"-n " + appliance + " addr add " + server + "/24 dev eth1", "-n " + appliance + " link set eth1 up",
		"-n " + host + " link set eth0 address " + mac + " up", "-n " + host + " addr add " + address + "/24 dev eth0",
	} {
		must(h.t, "ip", strings.Fields(line)...)
	}
	dir := h.t.TempDir()
	save(h.t, filepath.Join(dir, "rackhand.yaml"), config)
	for file, text := range inventory {
		save(h.t, filepath.Join(dir, "inventory", file), text)
	}
	must(h.t, os.Getenv("RACKHAND_BIN"), "check", filepath.Join(dir, "inventory"))
	h.Write("etc/rackhand/agent.json", `{"appliance": "https://`+server+`:8443", "host": "`+name+`"}`, 0o600)
	agent, err := os.ReadFile(filepath.Join(os.Getenv("RACKHAND_BIN"), "../../bootfiles/payload/rackhand-agent"))
	if err != nil {
		h.t.Fatalf("%v: `make build` builds it", err)
	}
	h.Write(Agent, string(agent), 0o755)
	h.enrol(filepath.Join(dir, "state"))
	h.socket = filepath.Join(dir, "state.sock")
	h.serve(appliance, filepath.Join(dir, "rackhand.yaml"))
	return host
}

// serve runs the appliance, and waits until it serves.
func (h *Host) serve(ns, config string) {
	h.t.Helper()
	program := os.Getenv("RACKHAND_BIN")
	var said bytes.Buffer
	cmd := exec.CommandContext(h.t.Context(), "ip", "netns", "exec", ns, program, "serve", "--config", config)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		h.t.Fatalf("%v: `make build` builds it, and RACKHAND_BIN names it", err)
	}
	for i := 0; ; i++ {
		out, err := exec.Command(program, "status", "--socket", h.socket).CombinedOutput()
		if err == nil {
			return
		}
		if i == 300 {
			h.t.Fatalf("the appliance doesn't serve: %s\n%s", out, &said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Report is the latest report of the host that its appliance has.
func (h *Host) Report() catalog.Report {
	h.t.Helper()
	// The exit status tells what the run came to.
	out, _ := exec.Command(os.Getenv("RACKHAND_BIN"), "report", "--socket", h.socket, "--json", name).CombinedOutput()
	var r catalog.Report
	if err := json.Unmarshal(out, &r); err != nil {
		h.t.Fatalf("rackhand report: %v\n%s", err, out)
	}
	return r
}

// enrol gives the host its certificate, of the CA in a state folder.
func (h *Host) enrol(state string) {
	check := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	check(os.MkdirAll(state, 0o700))
	st, err := store.OpenBolt(filepath.Join(state, "rackhand.db"))
	check(err)
	defer st.Close()
	ca, err := pki.Open(filepath.Join(state, "ca"), netip.MustParseAddr(server), st, rand.Reader, time.Now)
	check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	check(err)
	csr, err := pki.ParseCSR(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), name)
	check(err)
	cert, err := ca.Sign(h.t.Context(), csr, name, "", nil)
	check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	h.Write("etc/rackhand/ca.pem", string(ca.CA()), 0o600)
	h.Write("var/lib/rackhand-agent/key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), 0o600)
	h.Write("var/lib/rackhand-agent/cert.pem", string(cert), 0o600)
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
