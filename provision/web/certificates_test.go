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
	"fmt"
	"maps"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

var enrolIn = regexp.MustCompile(`(?m)^\s*([A-Za-z0-9_-]{32})\s*$`)

var tokenOf = regexp.MustCompile(`/i/([A-Za-z0-9_-]+)/`)

// installed takes web1 from its arming to serving, and returns its agent's certificate.
func (r *testServer) installed() *x509.Certificate {
	r.t.Helper()
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", "")
	r.want(w, 200)
	enrol := enrolIn.FindStringSubmatch(w.Body.String())
	if enrol == nil {
		r.t.Fatalf("no enrolment token in\n%s", w.Body)
	}
	for _, stage := range []string{"installer", "packages", "installed"} {
		r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"`+stage+`"}`), 204)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "web1"}}, key)
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := json.Marshal(catalog.EnrolRequest{Host: "web1", Token: enrol[1], CSR: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))})
	if err != nil {
		r.t.Fatal(err)
	}
	w = r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", string(body))
	r.want(w, 200)
	var reply catalog.EnrolReply
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		r.t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(reply.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	r.speaks("enrolled", cert, "")
	for _, s := range []provision.Stage{provision.Converged, provision.Serving} {
		if err := r.journal.Agent("web1", provision.Event{Source: "agent", Kind: "converged", Stage: s}); err != nil {
			r.t.Fatal(err)
		}
	}
	return cert
}

// speaks asks for the catalog with a certificate, which is refused for a reason, if any.
func (r *testServer) speaks(when string, cert *x509.Certificate, refused string) {
	r.t.Helper()
	req := httptest.NewRequest("GET", "/v1/catalog", nil)
	req.RemoteAddr = "10.77.0.11:1024"
	// As crypto/tls leaves it, which has verified the chain; TestMutualTLS does so.
	req.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
	w := httptest.NewRecorder()
	r.agents.ServeHTTP(w, req)
	if refused == "" && w.Code != 200 || refused != "" && (w.Code != 403 || !strings.Contains(w.Body.String(), refused)) {
		r.t.Errorf("%s: %d %s, want %q", when, w.Code, w.Body, refused)
	}
}

func (r *testServer) sweep() {
	r.t.Helper()
	if err := r.server.SweepCertificates(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// with replaces web1 in the inventory; nil removes it.
func (r *testServer) with(h *inventory.Host) {
	snap := *r.snap
	snap.Hosts = map[string]*inventory.Host{"web2": r.snap.Hosts["web2"]}
	if h != nil {
		snap.Hosts["web1"] = h
	}
	r.snap = inventorySnapshot(&snap)
}

func inventorySnapshot(s *inventory.Snapshot) *inventory.Snapshot {
	return &inventory.Snapshot{Hosts: s.Hosts, Networks: s.Networks, Systems: s.Systems}
}

// slip lets so much time pass that a change of the inventory is no slip, of which counted
// time is what the journal says.
func (r *testServer) slip() {
	r.sweep()
	r.elapsed.Add(int64(11 * time.Minute))
	r.sweep()
}

// TestCertificateOfInventory: a name that was removed, or given to another MAC, is spoken
// for by nobody at once; and for good when that lasts.
func TestCertificateOfInventory(t *testing.T) {
	other := inventory.MAC{0x52, 0x54, 0, 0, 9, 9}
	for name, change := range map[string]func(h *inventory.Host) *inventory.Host{
		"removed from the inventory":          func(*inventory.Host) *inventory.Host { return nil },
		"gave the name to another MAC: 52:54": func(h *inventory.Host) *inventory.Host { h.MACs = []inventory.MAC{other}; return h },
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestServer(t)
			cert := r.installed()
			r.sweep()
			before := *r.snap.Hosts["web1"]
			changed := before
			r.with(change(&changed))
			r.speaks("changed", cert, name)
			r.sweep()
			r.with(&before)
			r.sweep()
			r.speaks("taken back at once", cert, "")
			r.with(change(&changed))
			r.slip()
			r.with(&before)
			r.sweep()
			r.speaks("taken back later", cert, "it was revoked: ")
			r.wantEvent("web1", "certificate-revoked")
			r.wantEvent("", "agent-refused")
			r.speaks("reinstalled", r.installed(), "")
		})
	}
	// A card is exchanged: its MAC is added first, then the old one goes.
	r := newTestServer(t)
	cert := r.installed()
	h := *r.snap.Hosts["web1"]
	for _, macs := range [][]inventory.MAC{{h.MACs[0], other}, {other}} {
		now := h
		now.MACs = macs
		r.with(&now)
		r.sweep()
		r.speaks(fmt.Sprint(macs), cert, "")
	}
}

// TestCertificateOfDisks: a host that serves goes on until its disks are written to, by a
// wipe or another install; from then on, whatever becomes of that.
func TestCertificateOfDisks(t *testing.T) {
	for _, job := range []provision.Job{provision.JobWipe, provision.JobBurnin, provision.NoJob} {
		for _, swept := range []bool{false, true} {
			r := newTestServer(t)
			cert := r.installed()
			_, err := r.journal.Arm(journal.Request{
				Host: "web1", System: "debian12", Job: job, MACs: []string{web1MAC},
				Budget: provision.Budget{Attempts: 3}, Expires: time.Hour, Source: "operator", Why: "asked for",
			})
			if err != nil {
				t.Fatal(err)
			}
			r.speaks("armed", cert, "")
			script := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "").Body.String()
			token := tokenOf.FindStringSubmatch(script)[1]
			r.speaks("the script was fetched", cert, "")
			r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer"}`), 204)
			refused := map[provision.Job]string{provision.JobWipe: "were wiped"}[job]
			r.speaks("the installer began", cert, refused)
			if job == provision.NoJob {
				r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"packages"}`), 204)
				refused = "is being reinstalled"
				r.speaks("its disks are written to", cert, refused)
			}
			if swept && refused != "" {
				r.sweep()
				refused = "it was revoked: "
			}
			r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"failed"}`), 204)
			r.speaks("it failed", cert, refused)
			r.speaks("installed again", r.installed(), "")
			if refused != "" {
				r.speaks("installed again, the old one", cert, "a later one was issued")
			}
		}
	}
}

// TestRevoke: the operator's word, through the socket.
func TestRevoke(t *testing.T) {
	r := newTestServer(t)
	api := r.server.API()
	r.want(r.ask(api, "", "POST", "/api/hosts/web1/revoke", ""), 404)
	cert := r.installed()
	r.want(r.ask(api, "", "POST", "/api/hosts/web1/revoke", ""), 204)
	r.speaks("revoked", cert, "it was revoked: the operator asked for it")
	r.want(r.ask(api, "", "POST", "/api/hosts/web1/revoke", ""), 404)
}

// TestCertificatesOfLostInventory: an inventory that has lost all its hosts, or most of
// them, costs none its certificate, however late that is seen; and the operator is told.
func TestCertificatesOfLostInventory(t *testing.T) {
	r := newTestServer(t)
	cert := r.installed()
	whole := r.snap
	r.snap = inventorySnapshot(&inventory.Snapshot{Networks: whole.Networks, Systems: whole.Systems})
	r.slip()
	r.speaks("lost", cert, "removed from the inventory")
	r.wantEvent("", "certificates-kept")
	r.snap = whole
	r.sweep()
	r.speaks("it is back", cert, "")

	// Most of ten are gone: when some come back, the others have their time anew.
	var ops []store.Op
	for n := range 10 {
		host := fmt.Sprintf("db%d", n)
		ops = append(ops, store.Op{Key: "cert/" + host, Value: fmt.Appendf(nil, `{"host":%q,"serial":"1"}`, host)})
	}
	if _, err := r.options.Store.Txn(t.Context(), nil, ops...); err != nil {
		t.Fatal(err)
	}
	with := func(n int) {
		snap := inventorySnapshot(whole)
		snap.Hosts = maps.Clone(whole.Hosts)
		for i := range n {
			snap.Hosts[fmt.Sprintf("db%d", i)] = &inventory.Host{Name: fmt.Sprintf("db%d", i)}
		}
		r.snap = snap
	}
	revoked := func(want int) {
		t.Helper()
		records, _, err := r.options.Store.List(t.Context(), "cert/")
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, rec := range records {
			if strings.Contains(string(rec.Value), "removed from the inventory") {
				got++
			}
		}
		if got != want {
			t.Errorf("%d are revoked, want %d", got, want)
		}
	}
	with(2)
	r.slip()
	revoked(0)
	with(8)
	r.sweep()
	revoked(0)
	r.slip()
	revoked(2)
}
