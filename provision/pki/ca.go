package pki

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"

	"rackhand/config/file"
	"rackhand/provision"
)

// A ca is the CA that signs, and those that are trusted beside it while it is replaced.
type ca struct {
	cert *x509.Certificate
	key  crypto.Signer
	id   string // SHA-256 of cert, hex
	// next is the CA that is going to sign once all agents trust it; old the one that signed
	// before, until no certificate of a host's is by it. At most one of them is set.
	next, old *x509.Certificate
	trusted   []*x509.Certificate
	bundle    []byte // PEM, of all that are trusted
}

func (c *ca) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range c.trusted {
		pool.AddCert(cert)
	}
	return pool
}

// The files of a change of CA, beside ca.pem and ca.key.
const (
	nextCert = "next.pem"
	nextKey  = "next.key"
	oldCert  = "old.pem"
)

// ErrCAStage: a change of CA is at another stage.
var ErrCAStage = errors.New("the change of the CA is at another stage")

// load reads the CA that signs, and the other trusted ones beside it.
func (a *Authority) load(pair tls.Certificate) error {
	c := &ca{cert: pair.Leaf, key: pair.PrivateKey.(crypto.Signer)}
	sum := sha256.Sum256(c.cert.Raw)
	c.id = hex.EncodeToString(sum[:])
	c.trusted = []*x509.Certificate{c.cert}
	for _, beside := range []struct {
		name string
		to   **x509.Certificate
	}{{nextCert, &c.next}, {oldCert, &c.old}} {
		name, to := beside.name, beside.to
		b, err := file.Read(filepath.Join(a.dir, name), maxPEM)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		block, _ := pem.Decode(b)
		if err == nil && block == nil {
			err = fmt.Errorf("%s: it contains no certificate in PEM format", name)
		}
		if err == nil {
			*to, err = x509.ParseCertificate(block.Bytes)
		}
		if err != nil {
			return err
		}
		if (*to).Equal(c.cert) {
			*to = nil // a switch was cut short
			continue
		}
		c.trusted = append(c.trusted, *to)
	}
	// In an order of their own: the switch changes nothing of what agents trust.
	slices.SortFunc(c.trusted, func(a, b *x509.Certificate) int { return bytes.Compare(a.Raw, b.Raw) })
	for _, cert := range c.trusted {
		c.bundle = append(c.bundle, encode("CERTIFICATE", cert.Raw)...)
	}
	a.ca.Store(c)
	return nil
}

func (a *Authority) reload() error {
	pair, err := loadCA(filepath.Join(a.dir, "ca.pem"), filepath.Join(a.dir, "ca.key"))
	if err != nil {
		return err
	}
	return a.load(pair)
}

// Bundle returns the CAs that agents trust, as PEM, and its SHA-256 in hex.
func (a *Authority) Bundle() (text []byte, sum string) {
	text = a.ca.Load().bundle
	hash := sha256.Sum256(text)
	return text, hex.EncodeToString(hash[:])
}

// CAStage is the stage of a change of CA.
func (a *Authority) CAStage() string {
	switch c := a.ca.Load(); {
	case c.next != nil:
		return provision.CASpreads
	case c.old != nil:
		return provision.CASwitched
	}
	return provision.CAStays
}

// ByOldCA reports whether a certificate is by the CA that signed before.
func (a *Authority) ByOldCA(c Cert) bool { ca := a.ca.Load(); return ca.old != nil && c.CA != ca.id }

// One goroutine at a time changes the CA: the caller sees to it.

// BeginCA makes the next CA. From now on both are trusted, here and by agents that ask.
func (a *Authority) BeginCA() error {
	if a.CAStage() != provision.CAStays {
		return ErrCAStage
	}
	if err := a.makeCA(filepath.Join(a.dir, nextCert), filepath.Join(a.dir, nextKey)); err != nil {
		return fmt.Errorf("making the next CA: %w", err)
	}
	return a.reload()
}

// SwitchCA lets the next CA sign. Agents that don't trust it yet lose the appliance.
func (a *Authority) SwitchCA() error {
	if a.CAStage() != provision.CASpreads {
		return ErrCAStage
	}
	old := encode("CERTIFICATE", a.ca.Load().cert.Raw)
	if err := renameio.WriteFile(filepath.Join(a.dir, oldCert), old, 0o644); err != nil {
		return fmt.Errorf("keeping the old CA: %w", err)
	}
	if err := a.move(nextKey, "ca.key"); err != nil {
		return err
	}
	if err := a.finishSwitch(); err != nil {
		return err
	}
	return a.reload()
}

// finishSwitch ends a switch that was cut short between key and certificate.
func (a *Authority) finishSwitch() error {
	_, noKey := os.Stat(filepath.Join(a.dir, nextKey))
	_, noCert := os.Stat(filepath.Join(a.dir, nextCert))
	if noCert != nil || noKey == nil {
		return nil
	}
	return a.move(nextCert, "ca.pem")
}

// DropCA ends the trust in the CA that signed before. Hosts whose certificate is by it have
// to enrol again.
func (a *Authority) DropCA() error {
	if a.CAStage() != provision.CASwitched {
		return ErrCAStage
	}
	if err := os.Remove(filepath.Join(a.dir, oldCert)); err != nil {
		return err
	}
	return a.reload()
}

// move renames a file of the CA's folder, and returns once that is on disk.
func (a *Authority) move(from, to string) error {
	if err := os.Rename(filepath.Join(a.dir, from), filepath.Join(a.dir, to)); err != nil {
		return err
	}
	d, err := os.Open(a.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
