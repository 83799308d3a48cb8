package probe

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"time"
)

// HTTPS is what a BMC tells over TLS without a login.
type HTTPS struct {
	Certificate Certificate
	// OldTLS: it takes nothing newer than TLS 1.1, or needs RSA key exchange.
	OldTLS bool
	// Redfish: it has a Redfish service. Vendor is the maker that the service names, or "".
	Redfish bool
	Vendor  string
}

// A Certificate is a BMC's.
type Certificate struct {
	Fingerprint string // SHA-256, 64 hex digits
	NotBefore   time.Time
	NotAfter    time.Time
	SelfSigned  bool
	// Key is "RSA", "ECDSA" or ""; Bits its size, 0 when unknown.
	Key  string
	Bits int
	// Leaf and chain, to check it against an authority.
	Chain []*x509.Certificate `json:"-"`
}

// Port is where Redfish is served (DSP0266 §6.1).
const Port = 443

// maxRoot is more than a Redfish service root takes.
const maxRoot = 256 << 10

// HTTPS asks a BMC. The error wraps ErrSilent when nothing accepts a connection; another one
// is about TLS.
func (p Prober) HTTPS(ctx context.Context, at netip.AddrPort) (*HTTPS, error) {
	patience := p.Connect
	if patience == 0 {
		patience = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	raw, err := p.dial(ctx, "tcp", at)
	if err != nil {
		return nil, ErrSilent
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c := tls.Client(raw, anyTLS())
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := c.ConnectionState()
	if len(state.PeerCertificates) == 0 {
		return nil, errNotAnswer
	}
	out := &HTTPS{Certificate: certificate(state.PeerCertificates), OldTLS: old(state)}
	out.Redfish, out.Vendor = root(c, at)
	return out, nil
}

// anyTLS accepts any certificate and old versions: they are looked at here, and nothing secret
// is sent.
func anyTLS() *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		c.CipherSuites = append(c.CipherSuites, s.ID)
	}
	return c
}

// old reports whether a connection is one that only `bmc.old_tls` allows.
func old(s tls.ConnectionState) bool {
	if s.Version < tls.VersionTLS12 {
		return true
	}
	switch s.CipherSuite {
	case tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA:
		return true
	}
	return false
}

func certificate(chain []*x509.Certificate) Certificate {
	leaf := chain[0]
	sum := sha256.Sum256(leaf.Raw)
	c := Certificate{
		Fingerprint: hex.EncodeToString(sum[:]), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Chain: chain,
		// Many BMCs' certificates lack the extensions that CheckSignatureFrom wants.
		SelfSigned: leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil,
	}
	switch k := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		c.Key, c.Bits = "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		c.Key, c.Bits = "ECDSA", k.Curve.Params().BitSize
	}
	return c
}

// Of reports whether one of these authorities has signed it, whatever its dates say.
func (c Certificate) Of(authorities []byte) bool {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authorities) || len(c.Chain) == 0 {
		return false
	}
	for _, x := range c.Chain[1:] {
		between.AddCert(x)
	}
	_, err := c.Chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: c.NotAfter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err == nil
}

// root asks for the Redfish service root, which needs no login (DSP0266 §13.3.2).
func root(c io.ReadWriter, at netip.AddrPort) (redfish bool, vendor string) {
	req, err := http.NewRequest(http.MethodGet, "https://"+at.String()+"/redfish/v1/", nil)
	if err != nil {
		return false, ""
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Connection", "close")
	if err := req.Write(c); err != nil {
		return false, ""
	}
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, maxRoot)), req)
	if err != nil {
		return false, ""
	}
	defer res.Body.Close()
	var service struct {
		RedfishVersion string
		Vendor         string
		Oem            map[string]json.RawMessage
	}
	if json.NewDecoder(res.Body).Decode(&service) != nil || service.RedfishVersion == "" {
		return false, ""
	}
	// Older services name their maker as the key of Oem alone.
	for name := range service.Oem {
		if service.Vendor == "" && len(service.Oem) == 1 {
			service.Vendor = name
		}
	}
	return true, service.Vendor
}
