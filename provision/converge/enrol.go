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

// identity reads the host's key and certificate from the disk. An error says why the host
// has to enrol, or to renew the certificate that is returned with it.
func (c *client) identity(p Paths, host string) (*tls.Certificate, error) {
	key, err := loadKey(p.key())
	if err != nil {
		return nil, err
	}
	cert, err := c.certIn(p.cert(), key, host)
	if err != nil && cert == nil {
		// A renewal that was cut short, and couldn't be finished or, in a dry run, isn't.
		if next, nextErr := c.certIn(p.nextCert(), key, host); nextErr == nil {
			return next, nil
		}
	}
	return cert, err
}

func (c *client) certIn(name string, key crypto.Signer, host string) (*tls.Certificate, error) {
	b, err := readFile(name, maxCert)
	if err != nil {
		return nil, err
	}
	return c.accept(b, key, host)
}

// maxCert bounds the file of a certificate, in bytes.
const maxCert = 256 << 10

// accept checks that a certificate in PEM is this CA's, for this host and this
// key, and valid now. If only its dates are wrong, it is returned with the error.
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
	shown := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}
	_, err = cert.Verify(x509.VerifyOptions{
		Roots: c.ca, CurrentTime: c.clock.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	switch {
	case untimely(err):
		return shown, fmt.Errorf("the certificate: %w", err)
	case err != nil:
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	return shown, nil
}

// loadKey reads a key of the host's. Another user who may read it may act as the host.
func loadKey(name string) (crypto.Signer, error) {
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: other users may use it, its mode is %04o: run `chmod 0600 %[1]s`; if another user may have read it, reinstall the host", name, mode)
	}
	b, err := readFile(name, 64<<10)
	if err != nil {
		return nil, err
	}
	der, err := onePEM(b, "PRIVATE KEY")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s can't be read as a key", name) // no part of it in a message
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is not an ECDSA key", name)
	}
	return ec, nil
}

// keyAt reads a key of the host's, or makes it: on the disk before it is used, so that the
// same key asks again when the answer is lost.
func keyAt(name string, random io.Reader) (crypto.Signer, error) {
	if key, err := loadKey(name); err == nil {
		return key, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("making the host's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("making the host's key: %w", err)
	}
	if err := writeFile(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("keeping the host's key: %w", err)
	}
	return key, nil
}

// enrol gets the host its certificate, by the one-time token that the installer
// left. The token is removed only after the certificate is on disk.
func (c *client) enrol(ctx context.Context, p Paths, host string, random io.Reader, why error) (*tls.Certificate, error) {
	b, err := readFile(p.token(), 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this host has no valid certificate (%w) and no enrolment token at %s: run `rackhand enrol %s` on the appliance, or install the host again", why, p.token(), host)
	}
	token := strings.TrimSpace(string(b))
	if err == nil && token == "" {
		err = fmt.Errorf("%s is empty", p.token())
	}
	if err != nil {
		return nil, fmt.Errorf("the enrolment token: %w", err)
	}
	key, err := keyAt(p.key(), random)
	if err != nil {
		return nil, err
	}
	cert, text, err := c.certify(ctx, host, token, key, random)
	if err != nil {
		return nil, err
	}
	if err := writeFile(p.cert(), text); err != nil {
		return nil, fmt.Errorf("keeping the certificate: %w", err)
	}
	if err := removeFile(p.token()); err != nil {
		return nil, fmt.Errorf("removing the spent enrolment token: %w", err)
	}
	c.log.Info("enrolled", "host", host, "until", cert.Leaf.NotAfter.UTC().Format(time.DateOnly))
	return cert, nil
}

// request is a certificate request in PEM.
func request(host string, key crypto.Signer, random io.Reader) (string, error) {
	der, err := x509.CreateCertificateRequest(random, &x509.CertificateRequest{Subject: pkix.Name{CommonName: host}}, key)
	if err != nil {
		return "", fmt.Errorf("the certificate request: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

// certify gets a certificate for a key by an enrolment token, and returns it as PEM too.
func (c *client) certify(ctx context.Context, host, token string, key crypto.Signer, random io.Reader) (*tls.Certificate, []byte, error) {
	csr, err := request(host, key, random)
	if err != nil {
		return nil, nil, err
	}
	request := catalog.EnrolRequest{Host: host, Token: token, CSR: csr}
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
			return nil, nil, fmt.Errorf("the enrolment token is refused: %w: a token is good for one enrolment; run `rackhand enrol %s` on the appliance, or install the host again", err, host)
		}
		return nil, nil, fmt.Errorf("enrolling: %w", err)
	}
	cert, err := c.accept([]byte(reply.Certificate), key, host)
	if err != nil {
		return nil, nil, fmt.Errorf("enrolling: the certificate that the appliance sent can't be used: %w", err)
	}
	return cert, []byte(reply.Certificate), nil
}

// connect gets the host its certificate. It first sets the clock from the appliance, unless
// something else keeps the clock right. A dry run does neither: it uses the certificate on
// disk.
func (a *Agent) connect(ctx context.Context, c *client, host string, noop bool) error {
	if !noop {
		if err := finishRenewal(a.Paths); err != nil {
			a.Log.Warn("an interrupted renewal can't be finished", "error", err) // it can be used as it lies
		}
	}
	cert, err := c.identity(a.Paths, host)
	if !noop && (err != nil || c.mayset) {
		// A certificate may seem too old only because the clock is wrong.
		set := c.mayset || !untimely(err)
		if err := c.retry(ctx, func() error { return c.syncClock(ctx, set) }); err != nil {
			return err
		}
		cert, err = c.identity(a.Paths, host)
	}
	switch {
	case err == nil:
		if !noop {
			// An earlier run may have died after it saved the certificate.
			if err := removeFile(a.Paths.token()); err != nil {
				return fmt.Errorf("removing the spent enrolment token: %w", err)
			}
		}
	case noop:
		return fmt.Errorf("a dry run doesn't enrol: %w", err)
	default:
		if cert, err = c.renewOrEnrol(ctx, a.Paths, host, a.Keys, cert, err); err != nil {
			return err
		}
	}
	c.mutual, c.cert = c.secure(cert), cert
	return nil
}
