package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/pki"
	"rackhand/provision/store"
)

func authority(t *testing.T, dir string) *pki.Authority {
	t.Helper()
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	a, err := pki.Open(dir, netip.MustParseAddr("127.0.0.1"), st, rand.Reader, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func csr(t *testing.T, key any, host string) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: host}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, a *pki.Authority, key *ecdsa.PrivateKey, host string) tls.Certificate {
	t.Helper()
	req, err := pki.ParseCSR(csr(t, key, host), host)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Sign(t.Context(), req, host, "web1-1", []string{"52:54:00:00:00:01"})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(c)
	return tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key}
}

// TestEveryAddress: an agent on any link reaches the appliance at the address that
// it has there.
func TestEveryAddress(t *testing.T) {
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	one, two := netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.78.0.1")
	a, err := pki.Open(t.TempDir(), one, st, rand.Reader, time.Now, one, two)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(a.TLS().Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []netip.Addr{one, two} {
		if err := leaf.VerifyHostname(addr.String()); err != nil {
			t.Error(err)
		}
	}
	if err := leaf.VerifyHostname("10.79.0.1"); err == nil {
		t.Error("it names an address that isn't ours")
	}
	if len(leaf.IPAddresses) != 2 {
		t.Errorf("it names %v: each address once is wanted", leaf.IPAddresses)
	}
}

// TestMutualTLS speaks over a real connection: only the latest certificate counts.
func TestMutualTLS(t *testing.T) {
	a := authority(t, t.TempDir())
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.HostOf(r.Context(), r.TLS)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		if _, err := w.Write([]byte(c.Host)); err != nil {
			t.Error(err)
		}
	}))
	srv.TLS = a.TLS()
	srv.StartTLS()
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.CA())
	ask := func(certs ...tls.Certificate) int {
		c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certs}}}
		defer c.CloseIdleConnections()
		res, err := c.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	first := sign(t, a, newKey(t), "web1")
	if got := ask(first); got != 200 {
		t.Errorf("with its certificate: %d", got)
	}
	if got := ask(); got != 403 {
		t.Errorf("without a certificate: %d", got)
	}
	second := sign(t, a, newKey(t), "web1")
	if got := ask(first); got != 403 {
		t.Errorf("with the certificate of before the reinstall: %d", got)
	}
	if got := ask(second); got != 200 {
		t.Errorf("with the latest certificate: %d", got)
	}
	if err := a.Revoke(t.Context(), "web1", "another", "x"); !errors.Is(err, pki.ErrNoCert) {
		t.Errorf("another one is revoked: %v", err)
	}
	if err := a.Revoke(t.Context(), "web1", "", "it was lost"); err != nil {
		t.Error(err)
	}
	if got := ask(second); got != 403 {
		t.Errorf("with a revoked certificate: %d", got)
	}
	if err := a.Revoke(t.Context(), "web1", "", "again"); !errors.Is(err, pki.ErrNoCert) {
		t.Errorf("revoked twice: %v", err)
	}
	if got := ask(sign(t, a, newKey(t), "web1")); got != 200 {
		t.Errorf("enrolled again: %d", got)
	}
}

func TestCSRIsChecked(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := csr(t, newKey(t), "web1")
	for name, tt := range map[string]struct{ text, want string }{
		"another host": {csr(t, newKey(t), "web2"), "not for web1"},
		"RSA":          {csr(t, other, "web1"), "P-256"},
		"no PEM":       {"hello", "PEM"},
		"huge":         {strings.Repeat("x", 1<<20), "too large"},
		"broken":       {strings.Replace(good, "M", "N", 1), ""},
	} {
		if _, err := pki.ParseCSR(tt.text, "web1"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	first, second := authority(t, dir), authority(t, dir)
	if !bytes.Equal(first.CA(), second.CA()) {
		t.Error("a second start made another CA")
	}
	st, err := os.Stat(filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("the CA's key has mode %o", st.Mode().Perm())
	}
}

// TestExposedKey: a CA whose key others may read, or whose folder they may write to,
// is not used, and the error says what to run.
func TestExposedKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	authority(t, dir)
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	open := func() error {
		_, err := pki.Open(dir, netip.MustParseAddr("127.0.0.1"), st, rand.Reader, time.Now)
		return err
	}
	key := filepath.Join(dir, "ca.key")
	for path, modes := range map[string][]os.FileMode{key: {0o640, 0o644, 0o660, 0o604}, dir: {0o770, 0o702}} {
		good, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range modes {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if err := open(); !errors.Is(err, pki.ErrUnusable) || !strings.Contains(err.Error(), "Run `chmod") || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, mode %04o: %v", path, mode, err)
			}
		}
		if err := os.Chmod(path, good.Mode()); err != nil {
			t.Fatal(err)
		}
		if err := open(); err != nil {
			t.Errorf("mended: %v", err)
		}
	}
	// A key without its certificate, or the reverse, is an error; no new CA is made.
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if err := open(); !errors.Is(err, pki.ErrUnusable) || !strings.Contains(err.Error(), "--new-ca") {
		t.Errorf("without its key: %v", err)
	}
}
