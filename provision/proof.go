package provision

import (
	"slices"
	"time"
)

// KindScript is the kind of the event that a boot script went out by TFTP. Anybody can ask
// for it with the box's address in one datagram, so it begins no attempt.
const KindScript = "script"

const (
	// maxOffers bounds the tokens that wait for their first use. One is offered until it
	// is used; the appliance forgets it when it restarts, and then offers another.
	maxOffers = 4
	// maxFrom bounds the addresses of one attempt: one for each card that comes up.
	maxFrom = 4
)

// Offer is the install with one more token, by its hash, in a script that went out by
// TFTP. It replaces nothing: the attempt under way keeps its token.
func (in Install) Offer(hash string) Install {
	offers := append(slices.Clone(in.Offers), hash)
	in.Offers = offers[max(0, len(offers)-maxOffers):]
	return in
}

// Offered reports whether a token, by its hash, waits for its first use.
func (in Install) Offered(hash string) bool {
	return slices.ContainsFunc(in.Offers, func(o string) bool { return SameHash(o, hash) })
}

// Attempt is the install at the beginning of its next attempt, whose token has this hash:
// the box has come over TCP. The token of the attempt before is worth nothing from now on,
// nor is any that was offered.
func (in Install) Attempt(hash string, counted, wall time.Time) Install {
	in.Attempts++
	in = in.DropExpiredDisks(counted, wall).WithoutReports()
	in.Token, in.TokenSpent, in.Enrol, in.EnrolKey = hash, false, "", ""
	in.Offers, in.From = nil, nil
	return in
}

// Proved reports whether this attempt's token, by its hash, was taken from this address
// before. It stays good there until the attempt ends: a lease may change by datagrams.
func (in Install) Proved(hash, from string) bool {
	return SameHash(in.Token, hash) && slices.Contains(in.From, from)
}

// Prove is the install once its token was taken from an address over TCP.
func (in Install) Prove(from string) Install {
	if !slices.Contains(in.From, from) && len(in.From) < maxFrom {
		in.From = append(slices.Clone(in.From), from)
	}
	return in
}

// NeverCame reports whether this was the first arming of a box and ended by its expiry,
// without anything that came over TCP. It is no install: a forged DISCOVER can arm an
// absent box, and must not use its only arming up.
func (in Install) NeverCame() bool {
	return in.Job == NoJob && in.First && in.Stage == Failed && in.Attempts == 0
}
