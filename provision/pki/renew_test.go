package pki_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/provision/pki"
	"rackhand/provision/store"
)

const (
	day   = 24 * time.Hour
	grace = 90 * day
)

// A testAuthority is an authority on a real port, whose clock and counted time are the test's. It
// answers HostOf, and POST renews.
type testAuthority struct {
	*pki.Authority
	t            *testing.T
	url          string
	clock, count time.Time
	disk         *full
}

func newTestAuthority(t *testing.T) *testAuthority {
	t.Helper()
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	r := &testAuthority{t: t, clock: now, count: now, disk: &full{Store: st}}
	if r.Authority, err = pki.Open(t.TempDir(), netip.MustParseAddr("127.0.0.1"), r.disk, rand.Reader, func() time.Time { return r.clock }); err != nil {
		t.Fatal(err)
	}
	r.Counted = func() time.Time { return r.count }
	srv := httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	srv.TLS = r.TLS()
	srv.Config.ErrorLog = nil
	srv.StartTLS()
	t.Cleanup(func() { srv.Close(); st.Close() })
	r.url = srv.URL
	return r
}

func (r *testAuthority) serve(w http.ResponseWriter, q *http.Request) {
	fail := func(err error) {
		code := http.StatusForbidden
		if f := (*pki.Refusal)(nil); errors.As(err, &f) && f.Renew {
			code = http.StatusUnauthorized
		}
		http.Error(w, err.Error(), code)
	}
	if q.Method == http.MethodGet {
		c, err := r.HostOf(q.Context(), q.TLS)
		if err != nil {
			fail(err)
			return
		}
		fmt.Fprint(w, "renew now: ", r.RenewNow(c))
		return
	}
	got, err := r.Renewable(q.Context(), q.TLS, grace)
	if err != nil {
		fail(err)
		return
	}
	text, _ := io.ReadAll(q.Body)
	req, err := pki.ParseCSR(string(text), got.Host)
	if err != nil {
		fail(err)
		return
	}
	cert, err := r.Renew(q.Context(), got, req)
	if err != nil {
		fail(err)
		return
	}
	w.Write(cert)
}

// ask shows a certificate, and renews it with a key when there is one.
func (r *testAuthority) ask(cert tls.Certificate, key *ecdsa.PrivateKey) (code int, text string) {
	r.t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(r.CA())
	c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: pool, Time: func() time.Time { return r.clock },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil },
	}}}
	defer c.CloseIdleConnections()
	method, body := http.MethodGet, ""
	if key != nil {
		method, body = http.MethodPost, csr(r.t, key, "web1")
	}
	q, err := http.NewRequestWithContext(context.Background(), method, r.url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := c.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func (r *testAuthority) is(what string, cert tls.Certificate, code int, want string) {
	r.t.Helper()
	if got, text := r.ask(cert, nil); got != code || !strings.Contains(text, want) {
		r.t.Errorf("%s: %d %s, want %d with %q", what, got, text, code, want)
	}
}

// renew renews a certificate, which must be possible.
func (r *testAuthority) renew(what string, cert tls.Certificate) tls.Certificate {
	r.t.Helper()
	key := newKey(r.t)
	code, text := r.ask(cert, key)
	block, _ := pem.Decode([]byte(text))
	if code != 200 || block == nil {
		r.t.Fatalf("%s: %d %s", what, code, text)
	}
	return tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key}
}

func (r *testAuthority) refuses(what string, cert tls.Certificate, want string) {
	r.t.Helper()
	if code, text := r.ask(cert, newKey(r.t)); code == 200 || !strings.Contains(text, want) {
		r.t.Errorf("%s: %d %s, want %q", what, code, text, want)
	}
}

func (r *testAuthority) pass(d time.Duration) { r.clock, r.count = r.clock.Add(d), r.count.Add(d) }

// TestRenewal: a certificate is renewed at two thirds of its life, and counts until the next
// one is used, however often the answer is lost.
func TestRenewal(t *testing.T) {
	r := newTestAuthority(t)
	first := sign(t, r.Authority, newKey(t), "web1")
	r.is("new", first, 200, "renew now: false")
	r.pass(19 * day)
	r.is("after 19 days", first, 200, "renew now: false")
	r.pass(day)
	r.is("after 20 days", first, 200, "renew now: true")
	if code, text := r.ask(first, first.PrivateKey.(*ecdsa.PrivateKey)); code == 200 || !strings.Contains(text, "make a new one") {
		t.Errorf("with the same key: %d %s", code, text)
	}
	lost := r.renew("renewed", first)
	second := r.renew("renewed again, since the answer was lost", first)
	r.is("before the next one is used", first, 200, "renew now: true") // both answers were lost
	r.is("never handed to the host", lost, 403, "a later one was issued")
	r.is("used", second, 200, "renew now: false")
	r.is("after the next one was used", first, 403, "a later one was issued")
	r.refuses("after the next one was used", first, "a later one was issued")

	third := r.renew("renewed", second)
	if err := r.Revoke(t.Context(), "web1", "", "it was lost"); err != nil {
		t.Fatal(err)
	}
	for _, cert := range []tls.Certificate{second, third} {
		r.is("revoked", cert, 403, "it was revoked")
		r.refuses("revoked", cert, "it was revoked")
	}
	reinstalled := sign(t, r.Authority, newKey(t), "web1")
	r.is("reinstalled", reinstalled, 200, "")
	r.refuses("the one of before the reinstall", third, "a later one was issued")
}

// full is a store whose disk is full from some moment on.
type full struct {
	store.Store
	on atomic.Bool
}

func (f *full) Txn(ctx context.Context, conds []store.Cond, ops ...store.Op) (uint64, error) {
	if f.on.Load() {
		return 0, errors.New("no space left on device")
	}
	return f.Store.Txn(ctx, conds, ops...)
}

// TestRenewedOnAFullDisk: a certificate that was renewed counts although its first use can't
// be recorded.
func TestRenewedOnAFullDisk(t *testing.T) {
	r := newTestAuthority(t)
	next := r.renew("renewed", sign(t, r.Authority, newKey(t), "web1"))
	r.disk.on.Store(true)
	r.is("the disk is full", next, 200, "renew now: false")
	r.disk.on.Store(false)
	r.is("there is room again", next, 200, "")
	if all, err := r.Certs(t.Context()); err != nil || len(all) != 1 || all[0].Before != "" {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestExpiredRenewal: a host that was off renews for 90 days after the end, and no step of
// the appliance's clock takes that from it or gives it for ever.
func TestExpiredRenewal(t *testing.T) {
	for _, tt := range []struct {
		name           string
		off            time.Duration // how long it is off
		clock          time.Duration // what the appliance's clock is ahead then
		refused        string
		refusedCatalog int
	}{
		{"a day after its end", 31 * day, 0, "", 401},
		{"90 days after its end", 120*day - time.Hour, 0, "", 401},
		{"91 days after its end", 121 * day, 0, "can be renewed for 90 days after that", 401},
		{"the clock leaps ten years", 10 * day, 3650 * day, "", 401},
		{"the clock leaps ten years, and it is late", 121 * day, 3650 * day, "can be renewed for 90 days", 401},
		{"the clock is set back", 25 * day, -20 * day, "", 200},
	} {
		r := newTestAuthority(t)
		cert := sign(t, r.Authority, newKey(t), "web1")
		r.pass(tt.off)
		r.clock = r.clock.Add(tt.clock)
		r.is(tt.name, cert, tt.refusedCatalog, "")
		if tt.refused != "" {
			r.refuses(tt.name, cert, tt.refused)
			continue
		}
		next := r.renew(tt.name, cert)
		r.is(tt.name+", renewed", next, 200, "")
		// The clock is set right: what was issued by it still lets the host renew.
		r.clock = r.clock.Add(-tt.clock)
		r.is(tt.name+", the clock right", next, 200, fmt.Sprintf("renew now: %t", tt.clock != 0))
		r.is(tt.name+", renewed with the clock right", r.renew(tt.name, next), 200, "renew now: false")
	}
	// Issued by a clock that stood at 1970.
	r := newTestAuthority(t)
	right := r.clock
	r.clock = time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)
	cert := sign(t, r.Authority, newKey(t), "web1")
	r.clock = right
	r.is("issued in 1970", cert, 401, "it expired on 1970-02-01")
	r.is("issued in 1970, renewed", r.renew("issued in 1970", cert), 200, "renew now: false")
}

// TestForeignCertificates: only the holder of a certificate of this CA can renew it.
func TestForeignCertificates(t *testing.T) {
	r := newTestAuthority(t)
	cert := sign(t, r.Authority, newKey(t), "web1")
	r.pass(40 * day)
	stolen := tls.Certificate{Certificate: cert.Certificate, PrivateKey: newKey(t)}
	r.refuses("the certificate without its key", stolen, "")
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	// One that says the same of itself, by a CA of its own with our CA's name.
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rackhand CA"}, IsCA: true, BasicConstraintsValid: true, NotBefore: leaf.NotBefore, NotAfter: r.clock.Add(day)}
	forged := *leaf
	forged.PublicKey, forged.Signature, forged.AuthorityKeyId = nil, nil, nil
	der, err := x509.CreateCertificate(rand.Reader, &forged, ca, key.Public(), newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	r.refuses("a forged certificate", tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, "")
	// The server's own certificate doesn't belong to a host.
	r.refuses("the server's own", r.TLS().Certificates[0], "")
	r.is("with the host's own", r.renew("with its key", cert), 200, "")
}

// TestServerCertificate is made again long before its end, and once the clock is set right.
func TestServerCertificate(t *testing.T) {
	r := newTestAuthority(t)
	cert := sign(t, r.Authority, newKey(t), "web1")
	for range 5 {
		r.pass(300 * day)
		if code, text := r.ask(cert, nil); code != 401 {
			t.Errorf("%s: %d %s", r.clock, code, text)
		}
	}
}
