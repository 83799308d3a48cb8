package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/agentfile"
	"rackhand/provision/catalog"
	"rackhand/provision/journal"
)

// as asks over mutual TLS with a certificate.
func (r *testServer) as(cert *x509.Certificate, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.RemoteAddr = "10.77.0.11:1024"
	req.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.agents.ServeHTTP(w, req)
	return w
}

// upgrades gives the appliance an agent v2, v1 of before, and settings.
func (r *testServer) upgrades(settings config.Agent) *agentfile.Programs {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "agents")
	if _, err := agentfile.Load(dir, "v1", []byte("agent one"), ""); err != nil {
		r.t.Fatal(err)
	}
	p, err := agentfile.Load(dir, "v2", []byte("agent two"), settings.Version)
	if err != nil {
		r.t.Fatal(err)
	}
	r.options.Programs, r.options.Agent = agentfile.ByProcessor{inventory.ArchAMD64: p}, settings
	r.serve()
	return p
}

// TestOfferedAgent: which agent is offered to which host, with its catalog, and that the
// host gets that one and no other.
func TestOfferedAgent(t *testing.T) {
	r := newTestServer(t)
	cert := r.installed()
	canary := *r.snap.Hosts["web1"]
	canary.Group = "canary"
	arm := *r.snap.Hosts["web1"]
	arm.System = &inventory.System{Name: "arm", Arch: "arm64"}
	for _, tt := range []struct {
		name     string
		settings config.Agent
		host     *inventory.Host
		states   string
		offered  string // its bytes
	}{
		{"an older one", config.Agent{}, nil, "v1", "agent two"},
		{"the same", config.Agent{}, nil, "v2", ""},
		{"states none", config.Agent{}, nil, "", ""},
		{"states nonsense", config.Agent{}, nil, "v1\x7f", ""},
		{"one of before", config.Agent{Version: "v1"}, nil, "v2", "agent one"},
		{"one that isn't there", config.Agent{Version: "v9"}, nil, "v1", ""},
		{"not the canary", config.Agent{Canary: "canary"}, nil, "v1", ""},
		{"the canary", config.Agent{Canary: "canary"}, &canary, "v1", "agent two"},
		{"the canary, one of before", config.Agent{Canary: "canary", Version: "v1"}, &canary, "v2", "agent one"},
		{"another processor", config.Agent{}, &arm, "v1", ""},
	} {
		whole := r.snap
		if tt.host != nil {
			r.with(tt.host)
		}
		p := r.upgrades(tt.settings)
		w := r.as(cert, "GET", "/v1/catalog", "", catalog.HeaderAgent, tt.states)
		r.want(w, 200)
		header := w.Header().Get(catalog.HeaderOffer)
		if (header != "") != (tt.offered != "") {
			t.Errorf("%s: offered %q", tt.name, header)
		}
		if o, err := catalog.ParseOffer(header); tt.offered != "" {
			if err != nil {
				t.Fatal(tt.name, err)
			}
			w := r.as(cert, "GET", "/v1/agent/"+o.SHA256, "")
			if w.Code != 200 || w.Body.String() != tt.offered || o.Size != int64(len(tt.offered)) {
				t.Errorf("%s: %d %q", tt.name, w.Code, w.Body)
			}
		}
		for _, one := range []*agentfile.Program{p.Own, p.Offered} {
			if one != nil && !strings.Contains(header, one.SHA256) && header != "" {
				r.want(r.as(cert, "GET", "/v1/agent/"+one.SHA256, ""), 404)
			}
		}
		r.snap = whole
	}
	p := r.upgrades(config.Agent{})
	r.want(r.ask(r.agents, "10.77.0.11", "GET", "/v1/agent/"+p.Own.SHA256, ""), 403)
}

// TestAgentVersion: the version that a host's agent states is kept, with an event when it
// changes; that of a program on trial isn't; and what is on the disks of a host that is
// installed again goes.
func TestAgentVersion(t *testing.T) {
	r := newTestServer(t)
	cert := r.installed()
	is := func(want string, changes int) {
		t.Helper()
		events, err := r.journal.Events(t.Context(), "web1", 0)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range events {
			if e.Kind == "agent-version" {
				n++
			}
		}
		if got := r.journal.SeenHosts()["web1"].AgentVersion; got != want || n != changes {
			t.Errorf("version %q, %d changes; want %q, %d", got, n, want, changes)
		}
	}
	for _, tt := range []struct {
		version, trial string
		want           string
		changes        int
	}{{"v1", "", "v1", 1}, {"v1", "", "v1", 1}, {"v2", "1", "v1", 1}, {"v2", "", "v2", 2}, {"", "", "v2", 2}, {"../x", "", "v2", 2}} {
		r.want(r.as(cert, "GET", "/v1/catalog", "", catalog.HeaderAgent, tt.version, catalog.HeaderTrial, tt.trial), 200)
		is(tt.want, tt.changes)
	}
	// One that states another with each request writes no more than its share.
	refused := 0
	for i := range 200 {
		if r.as(cert, "GET", "/v1/catalog", "", catalog.HeaderAgent, []string{"v3", "v4"}[i%2]).Code == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("200 versions within a moment were taken")
	}
	is(r.journal.SeenHosts()["web1"].AgentVersion, 60)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer"}`), 204)
	is("", 60)
}

// TestInstalledAgent: a host is installed with the agent that it is to run.
func TestInstalledAgent(t *testing.T) {
	r := newTestServer(t)
	r.upgrades(config.Agent{Version: "v1"})
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	if w := r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/agent", ""); w.Code != 200 || w.Body.String() != "agent one" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func newCSR(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "web1"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func object(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// certOf is the certificate in an answer.
func (r *testServer) certOf(w *httptest.ResponseRecorder) *x509.Certificate {
	r.t.Helper()
	var reply catalog.EnrolReply
	if err := json.Unmarshal(w.Body.Bytes(), &reply); w.Code != 200 || err != nil {
		r.t.Fatalf("no certificate: %d %s", w.Code, w.Body)
	}
	block, _ := pem.Decode([]byte(reply.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	return cert
}

// TestRenew: a renewed certificate speaks for the same system, and is revoked with it.
func TestRenew(t *testing.T) {
	r := newTestServer(t)
	cert := r.installed()
	renew := func(cert *x509.Certificate) *httptest.ResponseRecorder {
		return r.as(cert, "POST", "/v1/renew", object(t, catalog.RenewRequest{CSR: newCSR(t)}))
	}
	next := r.certOf(renew(cert))
	r.speaks("the one before, until the next is used", cert, "")
	r.speaks("renewed", next, "")
	r.speaks("the one before", cert, "a later one was issued")
	r.wantEvent("web1", "certificate-renewed")
	r.want(r.as(next, "POST", "/v1/renew", `{"csr": "x"}`), 400)
	r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/renew", object(t, catalog.RenewRequest{CSR: newCSR(t)})), 403)
	// Installed again: neither counts once the disks are written to.
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	for _, stage := range []string{"installer", "packages"} {
		r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"`+stage+`"}`), 204)
	}
	r.speaks("installed again", next, "is being reinstalled")
	r.want(renew(next), 403)
	r.sweep()
	r.want(renew(next), 403)
}

// TestRenewDue: the appliance asks for a renewal with the catalog, once two thirds of the
// certificate's life have passed.
func TestRenewDue(t *testing.T) {
	r := newTestServer(t)
	r.options.Authority.Counted = r.journal.Counted
	cert := r.installed()
	is := func(due bool) {
		t.Helper()
		w := r.as(cert, "GET", "/v1/catalog", "")
		if got := w.Header().Get(catalog.HeaderRenew) != ""; w.Code != 200 || got != due {
			t.Errorf("%d, due %t; want %t", w.Code, got, due)
		}
	}
	is(false)
	r.elapsed.Add(int64(19 * 24 * time.Hour))
	is(false)
	r.elapsed.Add(int64(2 * 24 * time.Hour))
	is(true)
}

// TestAllowEnrolment: the operator's token enrols a host once, from its own address, for an
// hour; whatever became of its certificate, unless its system is gone.
func TestAllowEnrolment(t *testing.T) {
	r := newTestServer(t)
	r.options.Authority.Counted = r.journal.Counted
	api := r.server.API()
	r.want(r.ask(api, "", "POST", "/api/hosts/web9/enrol", ""), 404)
	cert := r.installed()
	allow := func() string {
		t.Helper()
		w := r.ask(api, "", "POST", "/api/hosts/web1/enrol", "")
		var reply provision.EnrolmentReply
		if err := json.Unmarshal(w.Body.Bytes(), &reply); w.Code != 200 || err != nil || reply.Minutes != 60 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return reply.Token
	}
	enrol := func(from, token, csr string) *httptest.ResponseRecorder {
		return r.ask(r.agents, from, "POST", "/v1/enrol", object(t, catalog.EnrolRequest{Host: "web1", Token: token, CSR: csr}))
	}
	csr := newCSR(t)
	void, token := allow(), allow()
	r.want(enrol("10.77.0.11", void, csr), 403)
	r.want(enrol("10.77.0.12", token, csr), 403)
	r.want(r.ask(api, "", "POST", "/api/hosts/web1/revoke", ""), 204)
	r.want(enrol("10.77.0.11", token, csr), 403) // the revocation took that, too
	token = allow()
	r.certOf(enrol("10.77.0.11", token, csr)) // its answer is lost
	next := r.certOf(enrol("10.77.0.11", token, csr))
	r.want(enrol("10.77.0.11", token, newCSR(t)), 403)
	r.speaks("enrolled by the operator", next, "")
	r.speaks("the one before", cert, "a later one was issued")
	r.wantEvent("web1", "enrolment-allowed")
	r.wantEvent("web1", "enrolled-again")
	token = allow()
	r.elapsed.Add(int64(61 * time.Minute))
	r.want(enrol("10.77.0.11", token, newCSR(t)), 403)
	r.speaks("after a token that expired", next, "")

	// While an install waits for the box, neither a token of before nor another one makes the
	// present system pass for the one that is to be installed.
	token = allow()
	r.arm("web1")
	r.want(enrol("10.77.0.11", token, newCSR(t)), 403)
	if w := r.ask(api, "", "POST", "/api/hosts/web1/enrol", ""); w.Code != 409 || !strings.Contains(w.Body.String(), "rackhand cancel web1") {
		t.Errorf("armed: %d %s", w.Code, w.Body)
	}
	r.speaks("with an install armed", next, "")
	r.want(r.ask(api, "", "POST", "/api/hosts/web1/cancel", ""), 204)

	_, err := r.journal.Arm(journal.Request{
		Host: "web1", Job: provision.JobWipe, MACs: []string{web1MAC}, Budget: provision.Budget{Attempts: 3}, Expires: time.Hour, Source: "operator", Why: "asked for",
	})
	if err != nil {
		t.Fatal(err)
	}
	script := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "").Body.String()
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+tokenOf.FindStringSubmatch(script)[1]+"/event", `{"stage":"installer"}`), 204)
	if w := r.ask(api, "", "POST", "/api/hosts/web1/enrol", ""); w.Code != 409 || !strings.Contains(w.Body.String(), "were wiped") {
		t.Errorf("wiped: %d %s", w.Code, w.Body)
	}
}
