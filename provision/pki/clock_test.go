package pki_test

import (
	"crypto/rand"
	"crypto/x509"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"rackhand/provision/pki"
	"rackhand/provision/store"
)

// What was issued while the machine's clock was a day ahead is good once it is right.
func TestIssuedByAClockThatWasAhead(t *testing.T) {
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	a, err := pki.Open(t.TempDir(), netip.MustParseAddr("127.0.0.1"), st, rand.Reader, func() time.Time { return now.Add(24 * time.Hour) })
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.CA())
	for what, der := range map[string][]byte{
		"the appliance's": a.TLS().Certificates[0].Certificate[0],
		"a host's":        sign(t, a, newKey(t), "web1").Certificate[0],
	} {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s certificate: %v", what, err)
		}
		// An agent tells by it that the appliance's clock begins at nothing.
		if cert.NotBefore.Before(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s certificate is good from %s", what, cert.NotBefore)
		}
	}
}
