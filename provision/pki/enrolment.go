package pki

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rackhand/provision"
	"rackhand/provision/store"
)

// enrolPrefix is where the enrolments are that the operator allowed, one of each host at most.
const enrolPrefix = "enrol/"

// EnrolFor is how long the operator's token is good, in counted time.
const EnrolFor = time.Hour

// ErrToken: no enrolment is allowed by that token, to that key, now.
var ErrToken = errors.New("the enrolment token is wrong, spent or too old")

type enrolment struct {
	Host  string    `json:"host"`
	Hash  string    `json:"hash"`          // of the token
	Until time.Time `json:"until"`         // counted
	Key   string    `json:"key,omitempty"` // of the first request that used it
}

// AllowEnrolment lets a host enrol once by a token, of which this is the hash. An earlier
// token of the host is void.
func (a *Authority) AllowEnrolment(ctx context.Context, host, hash string) error {
	return a.keepEnrolment(ctx, nil, enrolment{Host: host, Hash: hash, Until: a.Counted().Add(EnrolFor)})
}

// ForbidEnrolment makes the host's token void, if there is one.
func (a *Authority) ForbidEnrolment(ctx context.Context, host string) error {
	if _, err := a.store.Txn(ctx, nil, store.Op{Key: enrolPrefix + host, Delete: true}); err != nil {
		return fmt.Errorf("removing the enrolment token of %s: %w", host, err)
	}
	return nil
}

// SpendEnrolment accepts a token for the first key that uses it, and for no other. That key
// may ask again while the token is good: the answer may have been lost.
func (a *Authority) SpendEnrolment(ctx context.Context, host, token, key string) error {
	rec, err := a.store.Get(ctx, enrolPrefix+host)
	if errors.Is(err, store.ErrNotFound) {
		return ErrToken
	}
	var e enrolment
	if err == nil {
		err = json.Unmarshal(rec.Value, &e)
	}
	switch {
	case err != nil:
		return fmt.Errorf("the enrolment token of %.60q: %w", host, err)
	case !provision.SameHash(e.Hash, provision.HashToken(token)), a.Counted == nil, a.Counted().After(e.Until),
		e.Key != "" && !provision.SameHash(e.Key, key):
		return ErrToken
	case e.Key != "":
		return nil
	}
	e.Key = key
	return a.keepEnrolment(ctx, []store.Cond{{Key: rec.Key, Rev: rec.Rev}}, e)
}

func (a *Authority) keepEnrolment(ctx context.Context, conds []store.Cond, e enrolment) error {
	b, err := json.Marshal(e)
	if err == nil {
		_, err = a.store.Txn(ctx, conds, store.Op{Key: enrolPrefix + e.Host, Value: b})
	}
	if err != nil {
		return fmt.Errorf("recording the enrolment of %s: %w", e.Host, err)
	}
	return nil
}

// Expires is when the CA's own certificate expires.
func (a *Authority) Expires() time.Time { return a.ca.Load().cert.NotAfter }
