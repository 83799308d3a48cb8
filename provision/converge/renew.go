package converge

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"rackhand/provision/catalog"
)

// renew gets the host its next certificate, for a new key, with the certificate that it has.
// That one may have expired; the appliance decides whether it still counts. Both certificates
// are valid until the next one is used, so an interruption loses nothing.
func (c *client) renew(ctx context.Context, p Paths, host string, random io.Reader, cert *tls.Certificate) (*tls.Certificate, error) {
	key, err := keyAt(p.nextKey(), random)
	if err != nil {
		return nil, err
	}
	csr, err := request(host, key, random)
	if err != nil {
		return nil, err
	}
	with := c.mutual
	if with == nil || c.cert != cert {
		with = c.secure(cert)
		defer with.CloseIdleConnections()
	}
	var reply catalog.EnrolReply
	err = c.retry(ctx, func() error {
		return c.do(ctx, with, http.MethodPost, "/v1/renew", catalog.RenewRequest{CSR: csr}, &reply, 64<<10)
	})
	if err != nil {
		return nil, fmt.Errorf("renewing the certificate: %w", err)
	}
	next, err := c.accept([]byte(reply.Certificate), key, host)
	if err != nil {
		return nil, fmt.Errorf("renewing the certificate: the one that the appliance sent can't be used: %w", err)
	}
	if err := keepNext(p, []byte(reply.Certificate)); err != nil {
		return nil, fmt.Errorf("keeping the renewed certificate: %w", err)
	}
	c.log.Info("certificate renewed", "until", next.Leaf.NotAfter.UTC().Format(time.DateOnly))
	return next, nil
}

// keepNext puts the next key and its certificate in their places.
func keepNext(p Paths, certPEM []byte) error {
	if err := writeFile(p.nextCert(), certPEM); err != nil {
		return err
	}
	return finishRenewal(p)
}

// finishRenewal puts the next key and certificate in their places, also after an
// interruption: first the key, then the certificate, which shows which key it belongs to.
func finishRenewal(p Paths) error {
	b, err := readFile(p.nextCert(), maxCert)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if isFor(b, p.nextKey()) {
		if err := rename(p.nextKey(), p.key()); err != nil {
			return err
		}
	}
	if isFor(b, p.key()) {
		return rename(p.nextCert(), p.cert())
	}
	return removeFile(p.nextCert())
}

// isFor reports whether a certificate is for the key in a file.
func isFor(certPEM []byte, name string) bool {
	key, err := loadKey(name)
	if err != nil {
		return false
	}
	der, err := onePEM(certPEM, "CERTIFICATE")
	if err != nil {
		return false
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return false
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	return ok && public.Equal(cert.PublicKey)
}

// rename moves a file within the agent's folder, and returns when that is on disk.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// renewOrEnrol gets a certificate for a host whose own is not valid now; why is the reason.
// cert is a certificate that is valid except for its dates, or nil. An enrolment token is the
// second choice: it is usually spent, unless the installer or the operator has just left it.
func (c *client) renewOrEnrol(ctx context.Context, p Paths, host string, random io.Reader, cert *tls.Certificate, why error) (*tls.Certificate, error) {
	if cert == nil {
		return c.enrol(ctx, p, host, random, why)
	}
	next, err := c.renew(ctx, p, host, random, cert)
	if err == nil || away(err) {
		return next, err
	}
	if _, stat := os.Stat(p.token()); stat == nil {
		return c.enrol(ctx, p, host, random, why)
	}
	return nil, fmt.Errorf("this host's certificate has expired: %w: run `rackhand enrol %s` on the appliance", err, host)
}

// freshCatalog fetches the catalog. If the certificate has expired by the appliance's clock,
// it is renewed first.
func (a *Agent) freshCatalog(ctx context.Context, c *client, host, have string, noop bool) (*catalog.Catalog, error) {
	cat, err := c.catalog(ctx, have)
	var r *refusal
	if noop || !errors.As(err, &r) || r.status != http.StatusUnauthorized {
		return cat, err
	}
	next, renewErr := c.renew(ctx, a.Paths, host, a.Keys, c.cert)
	if renewErr != nil {
		return nil, fmt.Errorf("%w (%v)", renewErr, err) // an appliance that can't renew now is away
	}
	c.mutual.CloseIdleConnections()
	c.mutual, c.cert = c.secure(next), next
	return c.catalog(ctx, have)
}

// renewDue renews the certificate when the appliance asked for it. The certificate that is
// there stays good meanwhile, so a failure is a warning.
func (a *Agent) renewDue(ctx context.Context, c *client, host string) []string {
	if !c.renewDue || ctx.Err() != nil {
		return nil
	}
	if _, err := c.renew(ctx, a.Paths, host, a.Keys, c.cert); err != nil {
		a.Log.Warn("the certificate is not renewed", "error", short(err.Error()))
		return []string{short("the certificate is not renewed: " + err.Error())}
	}
	return nil
}

// Enrol gets the host a certificate for a new key, by a token that the operator got from
// `rackhand enrol`. The previous certificate stays in its place until then.
func (a *Agent) Enrol(ctx context.Context, token string) (until time.Time, err error) {
	if a.clock == nil {
		a.clock = &adjusted{Clock: a.Clock}
	}
	settings, base, ca, err := readSettings(a.Paths)
	if err != nil {
		return time.Time{}, err
	}
	if err := os.MkdirAll(a.Paths.folder(), 0o700); err != nil {
		return time.Time{}, err
	}
	unlock, err := a.lock(ctx)
	if err != nil {
		return time.Time{}, err
	}
	defer unlock()
	if err := finishRenewal(a.Paths); err != nil {
		return time.Time{}, err
	}
	c := a.client(base, ca)
	if err := c.retry(ctx, func() error { return c.syncClock(ctx, a.Synchronised == nil || !a.Synchronised()) }); err != nil {
		return time.Time{}, err
	}
	key, err := keyAt(a.Paths.nextKey(), a.Keys)
	if err != nil {
		return time.Time{}, err
	}
	cert, text, err := c.certify(ctx, settings.Host, token, key, a.Keys)
	if err != nil {
		return time.Time{}, err
	}
	if err := keepNext(a.Paths, text); err != nil {
		return time.Time{}, fmt.Errorf("keeping the certificate: %w", err)
	}
	return cert.Leaf.NotAfter, removeFile(a.Paths.token())
}
