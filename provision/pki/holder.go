package pki

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rackhand/provision/store"
)

// verify checks that a CA of this appliance signed a client certificate. It ignores the dates:
// a certificate that was issued with the clock at 1970 is older than its CA, and its host
// must be able to renew it.
func (a *Authority) verify(leaf *x509.Certificate) error {
	err := errors.New("it is not signed by a CA of this appliance")
	for _, ca := range a.ca.Load().trusted {
		if err = leaf.CheckSignatureFrom(ca); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if leaf.IsCA || !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return errors.New("it is not a client certificate")
	}
	return nil
}

// holder is the host that shows a certificate: its record, with its revision, and the
// certificate that it showed. That is the valid one, or the one before it, and not revoked.
type holder struct {
	Cert
	leaf *x509.Certificate
	rev  store.Cond
}

func (a *Authority) holder(ctx context.Context, state *tls.ConnectionState) (holder, error) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return holder{}, errors.New("a client certificate of this appliance is required")
	}
	h := holder{leaf: state.PeerCertificates[0]}
	if err := a.verify(h.leaf); err != nil {
		return holder{}, fmt.Errorf("a client certificate of this appliance is required: %w", err)
	}
	host := h.leaf.Subject.CommonName
	rec, err := a.store.Get(ctx, certPrefix+host)
	if errors.Is(err, store.ErrNotFound) {
		return holder{}, &Refusal{Host: host, Why: "the database has no certificate of this host: it is newer than the certificate"}
	}
	if err == nil {
		err = json.Unmarshal(rec.Value, &h.Cert)
	}
	serial := h.leaf.SerialNumber.Text(16)
	switch {
	case err != nil:
		return holder{}, fmt.Errorf("certificate of %.60q: %w", host, err)
	case serial != h.Serial && serial != h.Before:
		return holder{}, &Refusal{Host: host, Why: "a later one was issued; this one no longer counts"}
	case h.Revoked != "":
		return holder{}, &Refusal{Host: host, Why: "it was revoked: " + h.Revoked}
	}
	h.rev = store.Cond{Key: rec.Key, Rev: rec.Rev}
	return h, nil
}

// HostOf returns the host whose certificate a connection showed. The certificate must be the
// latest of that host, or the one before it until the latest is used, and must be neither
// expired nor revoked. For any other certificate of this CA, the error is a *Refusal.
func (a *Authority) HostOf(ctx context.Context, state *tls.ConnectionState) (Cert, error) {
	h, err := a.holder(ctx, state)
	if err != nil {
		return Cert{}, err
	}
	if now := a.clock(); now.After(h.leaf.NotAfter) {
		return Cert{}, &Refusal{Host: h.Host, Why: "it expired on " + h.leaf.NotAfter.UTC().Format(time.DateOnly), Renew: true}
	}
	h.ByBefore = h.leaf.SerialNumber.Text(16) != h.Serial
	if h.Before != "" && !h.ByBefore {
		used := h.Cert
		used.Before = "" // the host has the renewed one
		// The certificate is good whether or not that can be recorded. A full disk refuses no
		// host: the next request records it.
		if a.keep(ctx, []store.Cond{h.rev}, used) == nil {
			h.Cert = used
		}
	}
	return h.Cert, nil
}

// A Renewal is a holder whose certificate may be renewed.
type Renewal struct {
	holder
	// Late is how long the certificate has expired, 0 when it hasn't.
	Late time.Duration
}

// Renewable returns the host whose certificate may be renewed: HostOf would accept it but for
// its end. An expired certificate may be renewed for grace after its end. That time is
// counted time, so a step of the appliance's clock doesn't lock a host out.
func (a *Authority) Renewable(ctx context.Context, state *tls.ConnectionState, grace time.Duration) (Renewal, error) {
	h, err := a.holder(ctx, state)
	if err != nil {
		return Renewal{}, err
	}
	late := max(0, a.clock().Sub(h.leaf.NotAfter))
	if late == 0 {
		return Renewal{holder: h}, nil
	}
	past := late
	if a.Counted != nil && !h.Counted.IsZero() {
		past = min(past, a.Counted().Sub(h.Counted)-h.Expires.Sub(h.Issued))
	}
	if past > grace {
		return Renewal{}, &Refusal{Host: h.Host, Why: fmt.Sprintf("it expired on %s, and can be renewed for %d days after that", h.leaf.NotAfter.UTC().Format(time.DateOnly), grace/(24*time.Hour))}
	}
	return Renewal{h, late}, nil
}

// ErrSameKey: a renewed certificate is for a new key.
var ErrSameKey = errors.New("the certificate request has the key of the certificate that it renews: make a new one")

// Renew issues the next certificate of a host. Until that is used, the one before counts
// too. It fails with store.ErrConflict when the record was changed meanwhile, as by a
// revocation.
func (a *Authority) Renew(ctx context.Context, r Renewal, csr *CSR) ([]byte, error) {
	if sum := sha256.Sum256(r.leaf.RawSubjectPublicKeyInfo); hex.EncodeToString(sum[:]) == csr.Key {
		return nil, ErrSameKey
	}
	next := r.Cert
	next.Before = r.leaf.SerialNumber.Text(16)
	return a.sign(ctx, csr, []store.Cond{r.rev}, next)
}

// Due is when a certificate is to be renewed: at two thirds of its life.
func (c Cert) Due() time.Time { return c.Issued.Add(c.Expires.Sub(c.Issued) / 3 * 2) }

// RenewNow reports whether a certificate is to be renewed now: by the clock, by counted
// time, because it was issued while the clock was ahead, so that it lives too long,
// because the CA that signed it is going to go, or because the host never got it.
func (a *Authority) RenewNow(c Cert) bool {
	now, ca := a.clock(), a.ca.Load()
	if c.ByBefore || ca.old != nil && c.CA != ca.id {
		return true
	}
	if a.Counted != nil && !c.Counted.IsZero() && a.Counted().Sub(c.Counted) >= c.Due().Sub(c.Issued) {
		return true
	}
	return !now.Before(c.Due()) || c.Issued.After(now.Add(time.Hour))
}
