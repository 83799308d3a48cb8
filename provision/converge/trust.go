package converge

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// maxCA bounds the file of the CAs that are trusted, in bytes.
const maxCA = 256 << 10

// sumOf is the SHA-256 of the file of the CAs that are trusted, hex; "" when it can't be read.
func sumOf(p Paths) string {
	b, err := readFile(p.ca(), maxCA)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// trustNew fetches the CAs that agents are to trust from now on, when the appliance announces
// that they have changed. They come over mutual TLS, so the trusted CAs vouch for them.
func (a *Agent) trustNew(ctx context.Context, c *client) []string {
	if c.newCA == "" || c.newCA == c.trusts || ctx.Err() != nil {
		return nil
	}
	if err := a.fetchCAs(ctx, c); err != nil {
		a.Log.Warn("the appliance's next CA can't be trusted yet", "error", short(err.Error()))
		return []string{short("the appliance's next CA can't be trusted yet: " + err.Error())}
	}
	a.Log.Info("the appliance's CAs are renewed")
	return nil
}

func (a *Agent) fetchCAs(ctx context.Context, c *client) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("/v1/ca").String(), nil)
	if err != nil {
		return err
	}
	c.sayVersion(req)
	resp, err := c.mutual.Do(req)
	if err != nil {
		return fmt.Errorf("asking the appliance: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return newRefusal(resp, "/v1/ca")
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxCA+1))
	if err != nil {
		return fmt.Errorf("the appliance's CAs: %w", err)
	}
	pool, err := readCAs(text)
	if err != nil {
		return fmt.Errorf("the appliance's CAs: %w", err)
	}
	// The appliance that sent them must still be trusted by them.
	leaf := resp.TLS.PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: c.clock.now(), DNSName: c.base.Hostname()}); err != nil {
		return fmt.Errorf("the appliance's new CAs do not vouch for its own certificate: %w", err)
	}
	if err := writeFile(a.Paths.ca(), text); err != nil {
		return fmt.Errorf("keeping the appliance's CAs: %w", err)
	}
	c.ca = pool
	return os.Chmod(a.Paths.ca(), 0o644) // as the installer left it: no secret
}

// readCAs reads a PEM file that contains only certificates of CAs.
func readCAs(text []byte) (*x509.CertPool, error) {
	if len(text) > maxCA {
		return nil, fmt.Errorf("they have more than %d bytes", maxCA)
	}
	pool, n := x509.NewCertPool(), 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if block.Type != "CERTIFICATE" || !cert.IsCA {
			return nil, errors.New("they contain something other than certificates of CAs")
		}
		pool.AddCert(cert)
		n++
	}
	if n == 0 {
		return nil, errors.New("they contain no certificate in PEM format")
	}
	return pool, nil
}
