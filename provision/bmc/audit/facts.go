// Package audit finds what is wrong with the BMCs of an inventory: the list that operators
// keep by hand. A gatherer asks each BMC and changes nothing on it; Judge and Rank are pure
// functions that make findings of the answers.
package audit

import (
	"time"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/audit/probe"
)

// Facts are what is known of one BMC, or of a host without one.
type Facts struct {
	Host    string // "" for a BMC outside the inventory
	Address string // "" for a host without a BMC
	NoBMC   bool   // the inventory names no BMC of the host
	// Unlisted says how a BMC was found that the inventory doesn't have; "" for others.
	Unlisted string
	User     string        // the inventory's account
	Wanted   bmc.Privilege // that the inventory gives the account: operator when ""
	Busy     bool          // an install or job of the host is under way

	IPMI  *probe.IPMI  // nil: it doesn't speak IPMI, or not any more
	HTTPS *probe.HTTPS // nil: nothing answers over TLS
	NoTLS string       // why TLS fails, where something accepts the connection
	// Pinned: the inventory has the certificate's fingerprint, or its authority.
	Pinned  bool
	Failure *Failure // of the login; nil when it succeeded or wasn't tried
	Session *Session // what the login showed; nil without one
	Factory string   // the user of a factory account that the BMC accepts, or ""
	Locked  string   // the user that seems to be locked since a factory account was tried, or ""
}

// A Failure is a login that failed.
type Failure struct {
	Why  string // one of package bmc's reasons, or one of those below
	Text string
}

// Reasons of failures beyond those of package bmc.
const (
	whySecret = "secret"  // the inventory's password can't be read, so no login was tried
	whyOldTLS = "old-tls" // the BMC knows none that rackhand uses without bmc.old_tls
)

// A Session is what a BMC tells after a login. Nil and "" stand for what it doesn't tell.
type Session struct {
	Maker     string
	Model     string
	Firmware  string        // the BMC's
	Privilege bmc.Privilege // of the inventory's account
	Nameless  bool          // a user without a name is enabled
	MustReset bool          // the password must be changed before anything else
	// Ahead is how far the BMC's clock is ahead of the appliance's.
	Ahead *time.Duration
	Unset bool // its clock wasn't set since it started
	// NoClock is why its clock can't be read.
	NoClock string
	Log     *bmc.LogState
	Boot    *bmc.Boot
}
