package provision

import (
	"slices"
	"time"
)

// KindScript is the kind of the event that a boot script was sent by TFTP. Any machine can
// request it in one datagram with the box's address, so it begins no attempt.
const KindScript = "script"

const (
	// maxOffers bounds the tokens that wait for their first use. One is offered until it
	// is used; the appliance forgets it when it restarts, and then offers another.
	maxOffers = 4
	// maxFrom bounds the addresses of one attempt: one for each card that comes up.
	maxFrom = 4
)

// Offer returns the install with one more token, by its hash, in a script that was sent by
// TFTP. The attempt under way keeps its token.
func (in Install) Offer(hash string) Install {
	offers := append(slices.Clone(in.Offers), hash)
	in.Offers = offers[max(0, len(offers)-maxOffers):]
	return in
}

// Offered reports whether a token, by its hash, waits for its first use.
func (in Install) Offered(hash string) bool {
	return slices.ContainsFunc(in.Offers, func(o string) bool { return SameHash(o, hash) })
}

// Attempt returns the install at the beginning of its next attempt, whose token has this
// hash: the box has come over TCP. The token of the attempt before and all offered tokens are
// invalid from now on.
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

// Prove returns the install after its token came from an address over TCP.
func (in Install) Prove(from string) Install {
	if !slices.Contains(in.From, from) && len(in.From) < maxFrom {
		in.From = append(slices.Clone(in.From), from)
	}
	return in
}

// NeverCame reports whether this was the first arming of a box, and expired without any
// request over TCP. It doesn't count as an install: a forged DISCOVER can arm an absent box,
// and must not use up its only arming.
func (in Install) NeverCame() bool {
	return in.Job == NoJob && in.First && in.Stage == Failed && in.Attempts == 0
}
