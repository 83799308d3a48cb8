// Package pki is the appliance's certificate authority: one CA made at first
// start, a server certificate for the agents' port, a client certificate for each
// host. Only the latest certificate of a host counts, so that a reinstalled host
// and its former self cannot both speak for it.
package pki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"

	"rackhand/config/file"
	"rackhand/provision/store"
)

const (
	caLife     = 20 * 365 * 24 * time.Hour
	serverLife = 2 * 365 * 24 * time.Hour
	agentLife  = 30 * 24 * time.Hour
	certPrefix = "cert/"
	maxCSR     = 16 << 10
)

// An Authority signs for one appliance.
type Authority struct {
	// Counted returns counted time. It measures a certificate's age independently of steps of
	// the clock. Nil: the time isn't counted. Set it before anything is signed.
	Counted func() time.Time

	dir    string
	ca     atomic.Pointer[ca]
	server server
	store  store.Store
	random io.Reader
	clock  func() time.Time
}

// A Cert is the record of a host's certificate: the valid one, or the last that was valid.
type Cert struct {
	Host    string    `json:"host"`
	Serial  string    `json:"serial"` // hex
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	// Install is the install whose system it was issued to, and MACs are the host's, as
	// the inventory had them last.
	Install string   `json:"install,omitempty"`
	MACs    []string `json:"macs,omitempty"`
	// CA is the SHA-256 of the certificate of the CA that signed it, hex; "" in records of
	// before there was more than one.
	CA string `json:"ca,omitempty"`
	// Counted is the counted time at which it was issued; zero: not known.
	Counted time.Time `json:"counted,omitzero"`
	// Before is the serial number of the certificate that this one renews. That one counts
	// until this one is used: its host may never have got the answer.
	Before string `json:"before,omitempty"`
	// ByBefore: the certificate that was shown is Before. Its host never got this one.
	ByBefore bool `json:"-"`
	// Revoked is the reason for its revocation, "" while it is valid.
	Revoked   string    `json:"revoked,omitempty"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// A Refusal is why a certificate of this CA's doesn't speak for its host.
type Refusal struct {
	Host, Why string
	// Renew: it has expired, and can be renewed.
	Renew bool
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("the certificate of %.60q is refused: %s", r.Host, r.Why)
}

// maxPEM bounds the files of the CA, in bytes.
const maxPEM = 64 << 10

// ErrUnusable means that the CA's files are damaged, incomplete, or open to other users.
var ErrUnusable = errors.New("the CA can't be used")

// Open reads the authority from its folder (mode 0700), or makes it there. addr is
// the appliance's address, more are those that it has on further links: the server
// certificate names them all.
func Open(dir string, addr netip.Addr, s store.Store, random io.Reader, clock func() time.Time, more ...netip.Addr) (*Authority, error) {
	a := &Authority{dir: dir, store: s, random: random, clock: clock}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the CA's folder: %w", err)
	}
	certFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	if _, err := os.Stat(certFile); errors.Is(err, os.ErrNotExist) {
		if err := a.makeCA(certFile, keyFile); err != nil {
			return nil, fmt.Errorf("making the CA: %w", err)
		}
	}
	if err := a.finishSwitch(); err != nil {
		return nil, fmt.Errorf("finishing a change of the CA: %w", err)
	}
	pair, err := loadCA(certFile, keyFile)
	if errors.Is(err, file.ErrExposed) {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w; restore ca.pem and ca.key from a backup, or move both away, run `rackhand serve --new-ca` once and reinstall the hosts", ErrUnusable, err)
	}
	if err := a.load(pair); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	a.server.addrs = append([]netip.Addr{addr}, more...)
	if _, err := a.serverCert(); err != nil {
		return nil, err
	}
	return a, nil
}

// loadCA reads the CA's certificate and key. It refuses a key that other users may read, which
// would let them act as any host, and a folder in which they could replace the key.
func loadCA(certFile, keyFile string) (tls.Certificate, error) {
	if err := errors.Join(file.Private(keyFile), file.Guarded(filepath.Dir(keyFile))); err != nil {
		return tls.Certificate{}, err
	}
	cert, err := file.Read(certFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := file.Read(keyFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// makeCA makes a CA and its key, in two files.
func (a *Authority) makeCA(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), a.random)
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: "rackhand CA"},
		IsCA:    true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := a.issue(t, caLife, t, key.Public(), key)
	if err != nil {
		return err
	}
	kb, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The key first: a certificate without its key would look like a CA that is there.
	if err := renameio.WriteFile(keyFile, encode("PRIVATE KEY", kb), 0o600); err != nil {
		return err
	}
	return renameio.WriteFile(certFile, encode("CERTIFICATE", der), 0o644)
}

// issue gives t its serial number and its life from now on, and signs it.
func (a *Authority) issue(t *x509.Certificate, life time.Duration, parent *x509.Certificate, pub any, key crypto.Signer) ([]byte, error) {
	var err error
	if t.SerialNumber, err = a.serial(); err != nil {
		return nil, err
	}
	now := a.clock()
	t.NotBefore, t.NotAfter = notBefore(now), now.Add(life)
	return x509.CreateCertificate(a.random, t, parent, pub, key)
}

// notBefore is the beginning of a new certificate's validity, which lies in the past. A later
// beginning would protect nothing, and a certificate that was issued while the machine's clock
// was ahead must be valid after the clock was corrected. A fixed recent year lets an agent
// notice an appliance whose clock begins at 1970 or 2000.
func notBefore(now time.Time) time.Time {
	long := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	if first := now.Add(-time.Hour); first.Before(long) {
		return first
	}
	return long
}

func (a *Authority) serial() (*big.Int, error) {
	var b [16]byte
	if _, err := io.ReadFull(a.random, b[:]); err != nil {
		return nil, err
	}
	b[0] &= 0x7f // positive in DER
	return new(big.Int).SetBytes(b[:]), nil
}

// CA is the certificate of the CA that signs, PEM.
func (a *Authority) CA() []byte { return encode("CERTIFICATE", a.ca.Load().cert.Raw) }

// A CSR is a checked certificate request.
type CSR struct {
	req *x509.CertificateRequest
	// Key is the SHA-256 of its public key, hex.
	Key string
}

// ParseCSR checks a request: PEM, signed by its own key, ECDSA P-256, for this host.
func ParseCSR(text, host string) (*CSR, error) {
	if len(text) > maxCSR {
		return nil, errors.New("the certificate request is too large")
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, errors.New("no PEM certificate request")
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := req.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if k, ok := req.PublicKey.(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return nil, errors.New("certificate request: an ECDSA P-256 key is required")
	}
	if req.Subject.CommonName != host {
		return nil, fmt.Errorf("certificate request: it is for %.60q, not for %s", req.Subject.CommonName, host)
	}
	sum := sha256.Sum256(req.RawSubjectPublicKeyInfo)
	return &CSR{req: req, Key: hex.EncodeToString(sum[:])}, nil
}

// Sign issues a host's client certificate, PEM, to the system that an install wrote, and
// makes it the one that counts. It is on record before it is returned.
func (a *Authority) Sign(ctx context.Context, csr *CSR, host, install string, macs []string) ([]byte, error) {
	return a.sign(ctx, csr, nil, Cert{Host: host, Install: install, MACs: macs})
}

// sign issues a certificate, and puts c with its serial number and times on record.
func (a *Authority) sign(ctx context.Context, csr *CSR, conds []store.Cond, c Cert) ([]byte, error) {
	t := &x509.Certificate{
		Subject:  pkix.Name{CommonName: c.Host},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	ca := a.ca.Load()
	der, err := a.issue(t, agentLife, ca.cert, csr.req.PublicKey, ca.key)
	if err != nil {
		return nil, fmt.Errorf("signing for %s: %w", c.Host, err)
	}
	c.CA = ca.id
	c.Serial, c.Issued, c.Expires = t.SerialNumber.Text(16), t.NotAfter.Add(-agentLife), t.NotAfter
	if a.Counted != nil {
		c.Counted = a.Counted()
	}
	if err := a.keep(ctx, conds, c); err != nil {
		return nil, err
	}
	return encode("CERTIFICATE", der), nil
}

func (a *Authority) keep(ctx context.Context, conds []store.Cond, c Cert) error {
	rec, err := json.Marshal(c)
	if err == nil {
		_, err = a.store.Txn(ctx, conds, store.Op{Key: certPrefix + c.Host, Value: rec})
	}
	if err != nil {
		return fmt.Errorf("recording the certificate of %s: %w", c.Host, err)
	}
	return nil
}

// Certs are the certificates on record, one of each host that ever had one.
func (a *Authority) Certs(ctx context.Context) ([]Cert, error) {
	recs, _, err := a.store.List(ctx, certPrefix)
	if err != nil {
		return nil, fmt.Errorf("the certificates on record: %w", err)
	}
	all := make([]Cert, len(recs))
	for i, r := range recs {
		if err := json.Unmarshal(r.Value, &all[i]); err != nil {
			return nil, fmt.Errorf("the certificate on record under %.80q: %w", r.Key, err)
		}
	}
	return all, nil
}

// ErrNoCert: a host has no certificate that counts.
var ErrNoCert = errors.New("it has no valid certificate")

// Revoke revokes a certificate. ErrNoCert when it doesn't already: it was
// revoked before, or another was issued since.
func (a *Authority) Revoke(ctx context.Context, host, serial, why string) error {
	return a.change(ctx, host, serial, func(c *Cert) { c.Revoked, c.RevokedAt = why, a.clock() })
}

// Moved records which MACs the host of a certificate has now.
func (a *Authority) Moved(ctx context.Context, host, serial string, macs []string) error {
	return a.change(ctx, host, serial, func(c *Cert) { c.MACs = macs })
}

// change alters a certificate's record, with serial "" whichever counts.
func (a *Authority) change(ctx context.Context, host, serial string, f func(*Cert)) error {
	rec, err := a.store.Get(ctx, certPrefix+host)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoCert
	}
	var c Cert
	if err == nil {
		err = json.Unmarshal(rec.Value, &c)
	}
	switch {
	case err != nil:
		return fmt.Errorf("certificate of %.60q: %w", host, err)
	case c.Revoked != "" || serial != "" && serial != c.Serial:
		return ErrNoCert
	}
	f(&c)
	// An enrolment in between writes another certificate, which is not the one that is meant.
	return a.keep(ctx, []store.Cond{{Key: rec.Key, Rev: rec.Rev}}, c)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
