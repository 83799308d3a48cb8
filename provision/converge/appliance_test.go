package converge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// appliance is a fake one, with a CA of its own, and the routes of the contract.
type appliance struct {
	*httptest.Server
	t     *testing.T
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
	now   time.Time // what its clock says

	mu       sync.Mutex
	token    string
	catalog  catalog.Catalog
	fail     map[string]int // path -> status to answer with
	failures int            // how many more times; -1 for ever
	after    string         // Retry-After of these
	largest  int            // bytes of a report that is taken; 0: any
	calls    map[string]int
	reports  []catalog.Report
	progress []catalog.Progress
	asked    func(path string)
	enrolled func() // called while an enrolment is answered
	orders   atomic.Pointer[http.HandlerFunc]
	opened   atomic.Int32 // connections
	agents   agents
	certs    certs
	facts    *takenFacts // nil: it is of a version that takes none

	// raw, if set, is the catalog of format 2 as text; content and secret are what that names.
	raw             string
	content, secret map[string]string
	tags            bool // it knows them
	breaks          int  // how many more contents and secrets break off in their middle
}

func newAppliance(t *testing.T, now time.Time) *appliance {
	t.Helper()
	a := &appliance{t: t, now: now, token: "s3cret-token", fail: map[string]int{}, failures: -1, calls: map[string]int{}}
	a.catalog = catalog.Catalog{Host: "web1", Role: "web", Version: "v1"}
	var err error
	if a.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.caKey.Public(), a.caKey)
	if err != nil {
		t.Fatal(err)
	}
	if a.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.start()
	return a
}

func (a *appliance) start() { a.restartOn(nil) }

// restartOn starts it on a listener, nil for one of its own.
func (a *appliance) restartOn(l net.Listener) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{a.issue("appliance", key.Public(), x509.ExtKeyUsageServerAuth)}, PrivateKey: key}
	pool := x509.NewCertPool()
	pool.AddCert(a.ca)
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	if l != nil {
		a.Server.Listener.Close()
		a.Server.Listener = l
	}
	a.Server.TLS = &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequestClientCert,
		Time: func() time.Time { return a.now },
	}
	a.Server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			a.opened.Add(1)
		}
	}
	a.Server.StartTLS()
	a.t.Cleanup(a.Server.Close)
}

// issue signs a certificate that is valid for an hour either way.
func (a *appliance) issue(name string, public any, usage x509.ExtKeyUsage) []byte {
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: a.now.Add(-time.Hour), NotAfter: a.now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}, a.ca, public, a.caKey)
	if err != nil {
		a.t.Error(err)
	}
	return der
}

func (a *appliance) serve(w http.ResponseWriter, r *http.Request) {
	if orders := a.orders.Load(); r.URL.Path == catalog.OrdersPath && orders != nil && a.known(r) {
		(*orders)(w, r) // it waits
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Date", a.now.UTC().Format(http.TimeFormat))
	if a.asked != nil {
		a.asked(r.URL.Path)
	}
	a.calls[r.URL.Path]++
	if a.agents.serve(a, w, r) {
		return
	}
	if r.URL.Path == catalogPath {
		a.facts.ask(w, r)
	}
	if status := a.fail[r.URL.Path]; status != 0 && a.failures != 0 {
		a.failures--
		if a.after != "" {
			w.Header().Set("Retry-After", a.after)
		}
		http.Error(w, `{"message": "not today"}`, status)
		return
	}
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/v1/report" && a.largest > 0 && len(body) > a.largest {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	answer := func(v any) {
		if err := json.NewEncoder(w).Encode(v); err != nil {
			a.t.Error(err)
		}
	}
	switch r.URL.Path {
	case "/v1/time":
		answer(catalog.TimeReply{Time: a.now})
		return
	case "/v1/enrol":
		a.enrol(w, body, answer)
		return
	}
	if !a.certs.serve(a, w, r, body) {
		return
	}
	var err error
	if a.contents(w, r) {
		return
	}
	switch r.URL.Path {
	case catalog.FactsPath:
		if a.facts == nil {
			http.NotFound(w, r)
			return
		}
		a.facts.put(w, r, body)
	case "/v1/catalog":
		etag := `"` + a.catalog.Version + `"`
		if a.tags {
			w.Header().Set(catalog.FormatHeader, "3")
		}
		if a.raw != "" && catalog.FormatOf(r.Header.Get(catalog.FormatHeader)) >= catalog.Format2 {
			io.WriteString(w, a.raw)
			return
		}
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", etag)
		answer(a.catalog)
	case "/v1/progress":
		var p catalog.Progress
		err = json.Unmarshal(body, &p)
		a.progress = append(a.progress, p)
		w.WriteHeader(http.StatusNoContent)
	case "/v1/report":
		var p catalog.Report
		err = json.Unmarshal(body, &p)
		a.reports = append(a.reports, p)
		w.WriteHeader(http.StatusNoContent)
	default:
		http.NotFound(w, r)
	}
	if err != nil {
		a.t.Error(err)
	}
}

func (a *appliance) enrol(w http.ResponseWriter, body []byte, answer func(any)) {
	var request catalog.EnrolRequest
	if err := json.Unmarshal(body, &request); err != nil {
		a.t.Error(err)
	}
	if a.enrolled != nil {
		a.enrolled()
	}
	if request.Token != a.token || request.Host != "web1" {
		// An appliance should not, but may, repeat what it was told.
		http.Error(w, "the token "+request.Token+" is spent", http.StatusForbidden)
		return
	}
	block, _ := pem.Decode([]byte(request.CSR))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		a.t.Error(err)
		return
	}
	der := a.issue(csr.Subject.CommonName, csr.PublicKey, x509.ExtKeyUsageClientAuth)
	answer(catalog.EnrolReply{Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))})
}

func (a *appliance) gives(orders http.HandlerFunc) { a.orders.Store(&orders) }

func (a *appliance) caPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.Raw}))
}

// contents answers for a content or a secret.
func (a *appliance) contents(w http.ResponseWriter, r *http.Request) bool {
	text, ok := "", false
	if sum, is := strings.CutPrefix(r.URL.Path, catalog.ContentPath); is {
		text, ok = a.content[sum]
	} else if path, is := strings.CutPrefix(r.URL.Path, catalog.SecretsPath); is {
		text, ok = a.secret[path]
	} else if id, is := strings.CutPrefix(r.URL.Path, catalog.SecretOfPath); is {
		text, ok = a.secret[id]
	} else {
		return false
	}
	if !ok {
		http.NotFound(w, r)
		return true
	}
	if a.breaks > 0 {
		a.breaks--
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		io.WriteString(w, text[:len(text)/2])
		panic(http.ErrAbortHandler)
	}
	io.WriteString(w, text)
	return true
}

// byHash makes the appliance's catalog one of format 2.
func (a *appliance) byHash(resources ...catalog.Resource) {
	a.t.Helper()
	c := catalog.Catalog{Host: "web1", Role: "web", Resources: resources}
	second, err := c.ByHash()
	if err != nil {
		a.t.Fatal(err)
	}
	a.catalog, a.content, a.secret = second, map[string]string{}, map[string]string{}
	for _, r := range resources {
		switch {
		case r.Secret() != "":
			a.secret[r.ID] = r.Secret()
		case r.File == nil || r.File.Ensure != catalog.FileKind:
		case r.File.Sensitive:
			a.secret[r.File.Path] = r.File.Content
		default:
			a.content[catalog.Sum(r.File.Content)] = r.File.Content
		}
	}
}
