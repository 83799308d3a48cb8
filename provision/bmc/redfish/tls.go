package redfish

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"rackhand/provision/bmc"
)

// tlsConfig is for one BMC. The library's own check is replaced: it knows no fingerprints,
// and its errors don't say what the operator has to write.
func tlsConfig(t bmc.Target, now func() time.Time) (*tls.Config, error) {
	trusted := trust{fingerprint: strings.ToLower(strings.ReplaceAll(t.Fingerprint, ":", "")), host: t.Address.Addr().String(), now: now}
	if len(t.CA) > 0 {
		trusted.roots = x509.NewCertPool()
		if !trusted.roots.AppendCertsFromPEM(t.CA) {
			return nil, &bmc.Error{Kind: bmc.ErrCertificate, Err: errors.New("bmc.ca has no certificate in PEM"), Hint: "write the authority's certificates into that file, each from BEGIN CERTIFICATE to END CERTIFICATE"}
		}
	}
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection checks
		VerifyConnection:   trusted.check,
	}
	if t.OldTLS {
		cfg.MinVersion = tls.VersionTLS10
		cfg.CipherSuites = oldCiphers()
	}
	return cfg, nil
}

// oldCiphers are the usual ones and those with RSA key exchange. RC4 and 3DES stay out: no
// BMC with TLS 1.0 lacks AES.
func oldCiphers() []uint16 {
	var ids []uint16
	for _, c := range tls.CipherSuites() {
		ids = append(ids, c.ID)
	}
	for _, c := range tls.InsecureCipherSuites() {
		if strings.HasPrefix(c.Name, "TLS_RSA_WITH_AES_") {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// A trust is what a BMC's certificate is checked against.
type trust struct {
	fingerprint string
	roots       *x509.CertPool
	host        string
	now         func() time.Time
}

// check is called in the handshake, before anything is sent.
func (t trust) check(cs tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		return &bmc.Error{Kind: bmc.ErrCertificate, Err: errors.New("it shows none")}
	}
	leaf := cs.PeerCertificates[0]
	print := Fingerprint(leaf)
	switch {
	case t.fingerprint == print:
		return nil // the certificate itself is known: name and dates don't matter
	case t.fingerprint != "" && t.roots == nil:
		return &bmc.Error{
			Kind: bmc.ErrCertificate, Err: fmt.Errorf("it isn't the one of bmc.fingerprint: %s", describe(leaf)),
			Hint: fmt.Sprintf("find out whether the BMC was reset or another machine answers; if it is the BMC's own, write `bmc: {fingerprint: %s}`", print),
		}
	case t.roots == nil:
		return &bmc.Error{
			Kind: bmc.ErrCertificate, Err: errors.New(describe(leaf)),
			Hint: fmt.Sprintf("compare it with the one on the BMC's own page; if it is the same, write `bmc: {fingerprint: %s}`", print),
		}
	}
	between := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: t.roots, Intermediates: between, DNSName: t.host, CurrentTime: t.now()})
	if err == nil {
		return nil
	}
	return &bmc.Error{Kind: bmc.ErrCertificate, Err: fmt.Errorf("%s: %s", t.fault(err), describe(leaf)), Hint: t.remedy(err, print)}
}

// fault says in a few words why a certificate fails under an authority.
func (t trust) fault(err error) string {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it is not valid on " + t.now().UTC().Format(time.DateOnly)
	case errors.As(err, new(x509.HostnameError)):
		return "it is for another name or address than " + t.host
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "no authority of bmc.ca has signed it"
	}
	return "it can't be used (" + clean(err.Error(), longText) + ")"
}

func (t trust) remedy(err error, print string) string {
	if errors.As(err, new(x509.HostnameError)) {
		return fmt.Sprintf("give the BMC a certificate for %s, or write `bmc: {fingerprint: %s}`", t.host, print)
	}
	return fmt.Sprintf("renew the BMC's certificate, check bmc.ca and the clock of this machine, or write `bmc: {fingerprint: %s}`", print)
}

// Fingerprint is a certificate's SHA-256 in 64 hex digits, as bmc.fingerprint wants it.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// describe says what a certificate says of itself.
func describe(c *x509.Certificate) string {
	name := clean(c.Subject.String(), shortText)
	if name == "" {
		name = "nobody"
	}
	return fmt.Sprintf("it is for %s, valid until %s, SHA-256 %s", name, c.NotAfter.UTC().Format(time.DateOnly), Fingerprint(c))
}
