package rollout_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
	"rackhand/provision/catalogs"
	"rackhand/provision/connlimit"
	"rackhand/provision/converge"
	"rackhand/provision/converge/files"
	"rackhand/provision/handout"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/operate"
	"rackhand/provision/orders"
	"rackhand/provision/pki"
	"rackhand/provision/reports"
	"rackhand/provision/rollout"
	"rackhand/provision/store/storetest"
	"rackhand/provision/web"
	"rackhand/provision/web/client"
)

// A testAppliance is the appliance's routes over real sockets, store, journal and CA, and hosts with
// real agents.
type testAppliance struct {
	t       *testing.T
	dir     string
	options web.Options
	port    string
	client  *client.Client
	limiter *connlimit.Limiter
	stop    func()

	mu      sync.Mutex
	content map[string]string // of /etc/motd, by host
	opened  int               // connections to the agents' port
}

func newTestAppliance(t *testing.T, hosts ...string) *testAppliance {
	t.Helper()
	dir := t.TempDir()
	s := &testAppliance{t: t, dir: dir, content: map[string]string{}}
	log := slog.New(slog.DiscardHandler)
	st, j := journaltest.Run(t, storetest.Dir(t), time.Now, nil, log)
	authority, err := pki.Open(filepath.Join(dir, "ca"), netip.MustParseAddr("127.0.0.1"), st, rand.Reader, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{}}
	for i, h := range hosts {
		snap.Hosts[h] = &inventory.Host{Name: h, MACs: []inventory.MAC{{2, 0, 0, 0, byte(i >> 8), byte(i)}}, Address: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
		s.content[h] = "hello\n"
	}
	s.options = web.Options{
		Journal: j, Store: st, Authority: authority, Snapshot: func() *inventory.Snapshot { return snap }, Clock: time.Now, Random: rand.Reader, Log: log,
		Handout:  &handout.Maker{Secret: func(string) (string, error) { return "", os.ErrNotExist }},
		Catalogs: &testCatalogs{testAppliance: s, given: map[string]*catalogs.Made{}},
		Reports:  reports.New(reports.Options{Store: st, Clock: time.Now, Counted: j.Counted, Keep: config.Default().Keep, Log: log}),
	}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

// testCatalogs make a host's catalog of what the test wants of it.
type testCatalogs struct {
	*testAppliance
	given map[string]*catalogs.Made
}

func (s *testCatalogs) Catalog(h *inventory.Host) (*catalogs.Made, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &catalog.File{Path: "/etc/motd", Ensure: "file", Content: s.content[h.Name]}
	if f.Content == "bad" {
		f = &catalog.File{Path: "/etc", Ensure: "file", Content: "x"} // it is a folder
	}
	resources := []catalog.Resource{{ID: catalog.ID("file", f.Path), File: f}}
	version, err := catalog.Version(resources)
	if err != nil {
		return nil, err
	}
	return catalogs.Make(&role.Compiled{Catalog: catalog.Catalog{Host: h.Name, Version: version, Resources: resources}})
}

func (s *testCatalogs) Given(host string, m *catalogs.Made) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given[host] = m
}

func (s *testCatalogs) Last(host string) *catalogs.Made {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given[host]
}

func (s *testCatalogs) Readable(string, int) *catalogs.Made { return nil }

func (s *testCatalogs) Content(string) (*os.File, error) { return nil, os.ErrNotExist }

// start serves agents and the operator; stop ends that as a restart does.
func (s *testAppliance) start() {
	s.t.Helper()
	var err error
	if s.options.Orders, err = orders.Open(s.t.Context(), orders.Options{Store: s.options.Store, Counted: s.options.Journal.Counted, Clock: time.Now, Random: rand.Reader}); err != nil {
		s.t.Fatal(err)
	}
	s.options.Operator = &operate.Operator{
		Journal: s.options.Journal, Snapshot: s.options.Snapshot, Orders: s.options.Orders, Now: time.Now,
		Runs: s.options.Reports.Runs,
	}
	server := web.New(s.options)
	if s.port == "" {
		s.port = "0"
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+s.port)
	if err != nil {
		s.t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	s.limiter = connlimit.New(connlimit.Limits{PerAddress: 32, Unknown: 128, Known: 1024}, func(netip.Addr) bool { return true })
	agents := tls.NewListener(s.limiter.Listen(counted{l, s}, false), server.AgentTLS())
	socket := filepath.Join(s.dir, "sock")
	operator, err := web.ListenUnix(socket, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	s.client = client.New(socket)
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() { _ = web.Serve(ctx, agents, server.Agents(), s.options.Log) })
	served.Go(func() { _ = web.Serve(ctx, operator, server.API(), s.options.Log) })
	s.stop = func() { cancel(); served.Wait() }
}

// counted counts the connections of a listener.
type counted struct {
	net.Listener
	of *testAppliance
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.of.mu.Lock()
		c.of.opened++
		c.of.mu.Unlock()
	}
	return conn, err
}

// agent makes a host's files, enrolled, and its agent.
func (s *testAppliance) agent(host string, ordered bool) *converge.Agent {
	s.t.Helper()
	root := filepath.Join(s.dir, host)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: host}}, key)
	if err != nil {
		s.t.Fatal(err)
	}
	csr, err := pki.ParseCSR(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), host)
	if err != nil {
		s.t.Fatal(err)
	}
	cert, err := s.options.Authority.Sign(s.t.Context(), csr, host, host+"-1", s.options.Snapshot().Hosts[host].MACTexts())
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, text := range map[string]string{
		"etc/rackhand/agent.json":         fmt.Sprintf(`{"appliance": "https://127.0.0.1:%s", "host": %q}`, s.port, host),
		"etc/rackhand/ca.pem":             string(s.options.Authority.CA()),
		"var/lib/rackhand-agent/cert.pem": string(cert),
		"var/lib/rackhand-agent/key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	paths, clock, log := converge.Paths{Root: root}, converge.SystemClock{}, slog.New(slog.DiscardHandler)
	contents := &converge.Contents{Paths: paths, Log: log}
	return &converge.Agent{
		Paths: paths, Log: log, Clock: clock, Sleep: converge.Sleep, Random: mrand.New(mrand.NewPCG(1, 2)), Keys: rand.Reader,
		Synchronised: func() bool { return true }, Uptime: clock.Uptime, Orders: ordered,
		Engine: &converge.Engine{Files: &files.Files{Root: paths.Root, Random: rand.Reader, Contents: contents}, Contents: contents, Log: log, Clock: time.Now},
	}
}

// daemon runs a host's agent until the test ends, and returns once it waits for orders.
func (s *testAppliance) daemon(host string) {
	s.t.Helper()
	a := s.agent(host, true)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	s.t.Cleanup(func() { cancel(); <-done })
	s.until(host+" waits for orders", func() bool { return s.options.Orders.Connected(host) })
}

func (s *testAppliance) until(what string, holds func() bool) {
	s.t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal(what + ": not within a minute")
}

func (s *testAppliance) motd(host string) string {
	b, _ := os.ReadFile(filepath.Join(s.dir, host, "etc/motd"))
	return string(b)
}

func (s *testAppliance) wants(host, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content[host] = content
}

func (s *testAppliance) kept(host string) catalog.Report {
	s.t.Helper()
	r, err := s.options.Reports.Last(s.t.Context(), host)
	if err != nil {
		s.t.Fatal(host, err)
	}
	return r.Report
}

// run rolls out, and returns what was said, with the table.
func (s *testAppliance) run(o rollout.Options) (rollout.Result, string) {
	s.t.Helper()
	var out bytes.Buffer
	o.Order, o.Changes, o.Sleep, o.Wait = s.client.Converge, s.client.Orders, converge.Sleep, true
	o.Line = func(line string) { fmt.Fprintln(&out, line) }
	if o.Batch == 0 {
		o.Batch = len(o.Hosts)
	}
	r, err := rollout.Run(s.t.Context(), o)
	if err == nil {
		err = r.Table(&out)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return r, out.String()
}

// TestAgentsUnderOrders: real agents over the real wire. A dry run changes nothing and takes
// no report's place; a run is made at once; a canary that fails keeps the others from it; a
// disabled agent, and one that is older than orders, is told; a restart of the appliance
// loses nothing.
func TestAgentsUnderOrders(t *testing.T) {
	hosts := []string{"web1", "web2", "web3"}
	s := newTestAppliance(t, append(hosts, "old1")...)
	for _, h := range hosts {
		s.daemon(h)
	}
	if _, err := s.agent("old1", false).Once(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	// The wait for orders goes over the connection of the run before it.
	if s.opened != 4 {
		t.Errorf("%d connections for four runs and three waits", s.opened)
	}
	before := s.kept("web1")
	for _, h := range hosts {
		s.wants(h, "new\n")
	}
	r, text := s.run(rollout.Options{Hosts: append(slices.Clone(hosts), "old1"), Noop: true})
	if r.ExitCode() != 1 || !strings.Contains(text, "would change file[/etc/motd]: content changed, 6 → 4 bytes") ||
		!strings.Contains(text, "old1: not ordered: its agent has never asked for orders: it is older than orders, or not enrolled; its next run is due at about ") {
		t.Errorf("exit %d:\n%s", r.ExitCode(), text)
	}
	if s.motd("web1") != "hello\n" || !s.kept("web1").Finished.Equal(before.Finished) {
		t.Errorf("a dry run changed something: %q", s.motd("web1"))
	}

	s.until("all wait again", func() bool {
		return !slices.ContainsFunc(hosts, func(h string) bool { return !s.options.Orders.Connected(h) })
	})
	s.wants("web1", "bad")
	r, text = s.run(rollout.Options{Hosts: hosts, Batch: 1, StopAfter: 1})
	if r.ExitCode() != 4 || !strings.Contains(text, "not asked: web2, web3") || s.motd("web2") != "hello\n" {
		t.Errorf("exit %d, %q:\n%s", r.ExitCode(), s.motd("web2"), text)
	}
	s.wants("web1", "new\n")
	r, text = s.run(rollout.Options{Hosts: hosts, Batch: 2, StopAfter: 1})
	if r.ExitCode() != 2 || strings.Count(text, "changed, in ") != 3 || s.motd("web3") != "new\n" || s.kept("web3").Order == "" || s.kept("web3").Interval != 1800 {
		t.Errorf("exit %d:\n%s", r.ExitCode(), text)
	}

	// While the appliance is restarted, the order waits for the agent to come back.
	s.stop()
	s.start()
	s.wants("web2", "newer\n")
	r, text = s.run(rollout.Options{Hosts: []string{"web2"}})
	if r.ExitCode() != 2 || s.motd("web2") != "newer\n" {
		t.Errorf("after a restart: exit %d:\n%s", r.ExitCode(), text)
	}

	at := time.Now().Add(2 * time.Hour)
	if told, err := s.agent("web3", true).Disable(t.Context(), "a test of the disks", at); told != nil || err != nil {
		t.Fatal(told, err)
	}
	r, text = s.run(rollout.Options{Hosts: []string{"web3"}})
	if r.ExitCode() != 1 || !strings.Contains(text, "web3: not ordered: its agent is disabled until "+at.Format("Mon 2 Jan 15:04")+" because a test of the disks") {
		t.Errorf("exit %d:\n%s", r.ExitCode(), text)
	}
	state := s.options.Journal.Hosts()["web3"].Agent
	if notes := state.Notes(time.Now()); state.Plain() || len(notes) != 1 || !strings.Contains(notes[0], "because a test of the disks") || s.kept("web3").Disabled != nil {
		t.Errorf("it is shown as %q", notes)
	}
}
