package converge

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// identity is the host's key and certificate from the disk. An error says why the
// host has to enrol.
func (c *client) identity(p Paths, host string) (*tls.Certificate, error) {
	key, err := loadKey(p)
	if err != nil {
		return nil, err
	}
	b, err := readFile(p.cert(), 256<<10)
	if err != nil {
		return nil, err
	}
	return c.accept(b, key, host)
}

// accept checks that a certificate in PEM is this CA's, for this host and this
// key, and valid now.
func (c *client) accept(certPEM []byte, key crypto.Signer, host string) (*tls.Certificate, error) {
	der, err := onePEM(certPEM, "CERTIFICATE")
	if err != nil {
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || !public.Equal(cert.PublicKey) {
		return nil, errors.New("the certificate is for another key")
	}
	if cert.Subject.CommonName != host {
		return nil, fmt.Errorf("the certificate is for %q, this is %q", short(cert.Subject.CommonName), host)
	}
	if _, err := cert.Verify(x509.VerifyOptions{
		Roots: c.ca, CurrentTime: c.clock.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}, nil
}

// loadKey reads the host's key. Another user who may read it may act as the host.
func loadKey(p Paths) (crypto.Signer, error) {
	if info, err := os.Stat(p.key()); err != nil {
		return nil, err
	} else if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: other users may use it, its mode is %04o: run `chmod 0600 %[1]s`; if another user may have read it, reinstall the host", p.key(), mode)
	}
	b, err := readFile(p.key(), 64<<10)
	if err != nil {
		return nil, err
	}
	der, err := onePEM(b, "PRIVATE KEY")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.key(), err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s can't be read as a key", p.key()) // no part of it in a message
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is no ECDSA key", p.key())
	}
	return ec, nil
}

// makeKey makes the host's key, on the disk before it is used: if the answer to
// the enrolment is lost, the same key asks again.
func makeKey(p Paths, random io.Reader) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("making the host's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("making the host's key: %w", err)
	}
	if err := writeFile(p.key(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("keeping the host's key: %w", err)
	}
	return key, nil
}

// enrol gets the host its certificate, by the one-time token that the installer
// left. The token goes only once the certificate is on disk.
func (c *client) enrol(ctx context.Context, p Paths, host string, random io.Reader, why error) (*tls.Certificate, error) {
	b, err := readFile(p.token(), 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this host has no valid certificate (%w) and no enrolment token at %s: install it again, or put a new token there", why, p.token())
	}
	token := strings.TrimSpace(string(b))
	if err == nil && token == "" {
		err = fmt.Errorf("%s is empty", p.token())
	}
	if err != nil {
		return nil, fmt.Errorf("the enrolment token: %w", err)
	}
	key, err := loadKey(p)
	if err != nil {
		if key, err = makeKey(p, random); err != nil {
			return nil, err
		}
	}
	csr, err := x509.CreateCertificateRequest(random, &x509.CertificateRequest{Subject: pkix.Name{CommonName: host}}, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate request: %w", err)
	}
	request := catalog.EnrolRequest{
		Host: host, Token: token,
		CSR: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})),
	}
	var reply catalog.EnrolReply
	plain := c.secure(nil)
	defer plain.CloseIdleConnections()
	err = c.retry(ctx, func() error {
		err := c.do(ctx, plain, http.MethodPost, "/v1/enrol", request, &reply, 64<<10)
		var r *refusal
		if errors.As(err, &r) {
			r.message = strings.ReplaceAll(r.message, token, "***")
		}
		return err
	})
	if err != nil {
		var r *refusal
		if errors.As(err, &r) && (r.status == http.StatusForbidden || r.status == http.StatusUnauthorized) {
			return nil, fmt.Errorf("the enrolment token is refused: %w: a token is good for one enrolment; install the host again to get a new one", err)
		}
		return nil, fmt.Errorf("enrolling: %w", err)
	}
	cert, err := c.accept([]byte(reply.Certificate), key, host)
	if err != nil {
		return nil, fmt.Errorf("enrolling: what the appliance sent is of no use: %w", err)
	}
	if err := writeFile(p.cert(), []byte(reply.Certificate)); err != nil {
		return nil, fmt.Errorf("keeping the certificate: %w", err)
	}
	if err := removeFile(p.token()); err != nil {
		return nil, fmt.Errorf("removing the spent enrolment token: %w", err)
	}
	c.log.Info("enrolled", "host", host, "until", cert.Leaf.NotAfter.UTC().Format(time.DateOnly))
	return cert, nil
}
