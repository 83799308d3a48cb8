package probe

import (
	"crypto"
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
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// serve answers over TLS with a certificate for the key, signed by ca's key or by its own.
func serve(t *testing.T, key crypto.Signer, ca *tls.Certificate, h http.HandlerFunc, change func(*tls.Config)) (at netip.AddrPort, cert tls.Certificate) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "bmc"},
		NotBefore: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: ca == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	parent, signer := template, key
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey.(crypto.Signer)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).AddrPort(), cert
}

func ecKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestHTTPS(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if _, _, login := r.BasicAuth(); login || r.URL.Path != "/redfish/v1/" {
				t.Errorf("asked for %s", r.URL)
			}
			io.WriteString(w, text)
		}
	}
	old := func(c *tls.Config) {
		c.MaxVersion, c.MinVersion = tls.VersionTLS10, tls.VersionTLS10
		c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	}
	for _, tt := range []struct {
		name   string
		key    crypto.Signer
		says   string
		change func(*tls.Config)
		want   HTTPS
	}{
		{"Redfish", ecKey(t, elliptic.P256()), `{"RedfishVersion": "1.6.0", "Vendor": "HPE"}`, nil, HTTPS{Redfish: true, Vendor: "HPE", Certificate: Certificate{Key: "ECDSA", Bits: 256}}},
		{"a vendor in Oem", ecKey(t, elliptic.P256()), `{"RedfishVersion": "1.6.0", "Oem": {"Supermicro": {}}}`, nil, HTTPS{Redfish: true, Vendor: "Supermicro", Certificate: Certificate{Key: "ECDSA", Bits: 256}}},
		{"several in Oem", ecKey(t, elliptic.P256()), `{"RedfishVersion": "1.6.0", "Oem": {"A": {}, "B": {}}}`, nil, HTTPS{Redfish: true, Certificate: Certificate{Key: "ECDSA", Bits: 256}}},
		{"a page", ecKey(t, elliptic.P384()), `<html>`, nil, HTTPS{Certificate: Certificate{Key: "ECDSA", Bits: 384}}},
		{"endless", ecKey(t, elliptic.P256()), `{"RedfishVersion": "` + strings.Repeat("1", 2*maxRoot), nil, HTTPS{Certificate: Certificate{Key: "ECDSA", Bits: 256}}},
		{"old", short, `{}`, old, HTTPS{OldTLS: true, Certificate: Certificate{Key: "RSA", Bits: 1024}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, cert := serve(t, tt.key, nil, says(tt.says), tt.change)
			got, err := (Prober{}).HTTPS(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			c := got.Certificate
			if got.Redfish != tt.want.Redfish || got.Vendor != tt.want.Vendor || got.OldTLS != tt.want.OldTLS ||
				c.Key != tt.want.Certificate.Key || c.Bits != tt.want.Certificate.Bits || !c.SelfSigned || !c.NotAfter.Equal(cert.Leaf.NotAfter) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestAuthority: a certificate is an authority's whatever the date, and no other one's.
func TestAuthority(t *testing.T) {
	_, ca := serve(t, ecKey(t, elliptic.P256()), nil, http.NotFound, nil)
	_, other := serve(t, ecKey(t, elliptic.P256()), nil, http.NotFound, nil)
	at, _ := serve(t, ecKey(t, elliptic.P256()), &ca, http.NotFound, nil)
	got, err := (Prober{}).HTTPS(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	text := func(c tls.Certificate) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
	}
	c := got.Certificate
	if c.SelfSigned || !c.Of(text(ca)) || c.Of(text(other)) || c.Of(nil) {
		t.Errorf("self-signed %v, of its authority %v, of another %v", c.SelfSigned, c.Of(text(ca)), c.Of(text(other)))
	}
}

// TestNoTLS: what isn't TLS is another error than silence.
func TestNoTLS(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	at := s.Listener.Addr().(*net.TCPAddr).AddrPort()
	if _, err := (Prober{}).HTTPS(t.Context(), at); err == nil || errors.Is(err, ErrSilent) {
		t.Error(err)
	}
}
