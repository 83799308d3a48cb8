package redfish

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

// authority makes certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(9, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return authority{t, key, cert}
}

var today = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// sign makes a BMC's certificate, with an RSA key: old ciphers need one.
func (a authority) sign(key *rsa.PrivateKey, address string, until time.Time) tls.Certificate {
	made := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "bmc\x1b[2J"}, IPAddresses: []net.IP{net.ParseIP(address)},
		NotBefore: today.AddDate(-1, 0, 0), NotAfter: until,
	}
	raw, err := x509.CreateCertificate(rand.Reader, made, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// TestTrust: which certificates are trusted, and that a BMC whose certificate isn't gets no
// request at all.
func TestTrust(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := ours.sign(key, "127.0.0.1", today.AddDate(1, 0, 0))
	expired := ours.sign(key, "127.0.0.1", today.AddDate(0, -1, 0))
	elsewhere := ours.sign(key, "192.0.2.1", today.AddDate(1, 0, 0))
	print := func(c tls.Certificate) string {
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return Fingerprint(leaf)
	}
	colons := strings.ToUpper(print(good)[:2]) + ":" + print(good)[2:]
	tls11 := &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	rsaOnly := &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}
	for _, tt := range []struct {
		name   string
		cert   tls.Certificate
		server *tls.Config
		target bmc.Target
		kind   error // nil: trusted
		want   string
	}{
		{"nothing given", good, nil, bmc.Target{}, bmc.ErrCertificate, "`bmc: {fingerprint: " + print(good) + "}`"},
		{"nothing given: until when", good, nil, bmc.Target{}, bmc.ErrCertificate, `it is for CN=bmc\x1b[2J, valid until 2027-06-01`},
		{"its fingerprint", good, nil, bmc.Target{Fingerprint: print(good)}, nil, ""},
		{"its fingerprint, as people write it", good, nil, bmc.Target{Fingerprint: colons}, nil, ""},
		{"its fingerprint, expired and for another name", expired, nil, bmc.Target{Fingerprint: print(expired)}, nil, ""},
		{"another's fingerprint", good, nil, bmc.Target{Fingerprint: print(expired)}, bmc.ErrCertificate, "it isn't the one of bmc.fingerprint"},
		{"its authority", good, nil, bmc.Target{CA: ours.pem()}, nil, ""},
		{"another authority", good, nil, bmc.Target{CA: other.pem()}, bmc.ErrCertificate, "no authority of bmc.ca has signed it"},
		{"another authority and its fingerprint", good, nil, bmc.Target{CA: other.pem(), Fingerprint: print(good)}, nil, ""},
		{"its authority and another's fingerprint", good, nil, bmc.Target{CA: ours.pem(), Fingerprint: print(expired)}, nil, ""},
		{"expired", expired, nil, bmc.Target{CA: ours.pem()}, bmc.ErrCertificate, "it is not valid on 2026-06-01"},
		{"for another address", elsewhere, nil, bmc.Target{CA: ours.pem()}, bmc.ErrCertificate, "another name or address than 127.0.0.1"},
		{"no authority in the file", good, nil, bmc.Target{CA: []byte("nonsense")}, bmc.ErrCertificate, "bmc.ca has no certificate"},
		{"TLS 1.1 only", good, tls11, bmc.Target{Fingerprint: print(good)}, bmc.ErrOldTLS, "old_tls: true"},
		{"TLS 1.1 only, allowed", good, tls11, bmc.Target{Fingerprint: print(good), OldTLS: true}, nil, ""},
		{"RSA key exchange only", good, rsaOnly, bmc.Target{Fingerprint: print(good)}, bmc.ErrOldTLS, "old_tls: true"},
		{"RSA key exchange only, allowed", good, rsaOnly, bmc.Target{Fingerprint: print(good), OldTLS: true}, nil, ""},
		{"RSA key exchange, allowed, another's fingerprint", good, rsaOnly, bmc.Target{Fingerprint: print(expired), OldTLS: true}, bmc.ErrCertificate, "isn't the one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{docs: plain().get, open: map[string]bool{}}
			srv := httptest.NewUnstartedServer(f)
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.TLS = &tls.Config{}
			if tt.server != nil {
				srv.TLS = tt.server.Clone()
			}
			srv.TLS.Certificates = []tls.Certificate{tt.cert}
			srv.StartTLS()
			defer srv.Close()
			target := targetOf(srv, nil)
			target.CA, target.Fingerprint, target.OldTLS = tt.target.CA, tt.target.Fingerprint, tt.target.OldTLS
			d := testDriver()
			d.Now = func() time.Time { return today }
			s, err := d.Open(t.Context(), target, nil)
			if tt.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				s.Close(t.Context())
				return
			}
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %v with %q", err, tt.kind, tt.want)
			}
			if len(f.requests) > 0 || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("sent %q; %v", f.requests, err)
			}
			if why := bmc.Why(err); why != bmc.WhyCertificate {
				t.Errorf("the reason is %q", why)
			}
		})
	}
}

// TestNoTLS: a port without TLS, and one where nothing listens.
func TestNoTLS(t *testing.T) {
	f := &fake{docs: plain().get, open: map[string]bool{}}
	srv := httptest.NewServer(f)
	target := targetOf(srv, nil)
	if _, err := testDriver().Open(t.Context(), target, nil); !errors.Is(err, bmc.ErrNoRedfish) || !strings.Contains(err.Error(), "doesn't speak TLS") {
		t.Errorf("got %v", err)
	}
	if len(f.requests) > 0 {
		t.Errorf("sent %q", f.requests)
	}
	srv.Close()
	_, err := testDriver().Open(t.Context(), target, nil)
	if !errors.Is(err, bmc.ErrUnreachable) || bmc.Why(err) != bmc.WhyAddress || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, %s", err, bmc.Why(err))
	}
}
