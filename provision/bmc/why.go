package bmc

import (
	"errors"
	"syscall"
)

// The reasons why an operation on a BMC failed, as the journal names them.
const (
	WhyAddress   = "address"   // nothing with IPMI has that address, or the inventory has none
	WhyPassword  = "password"  // user or password; also a secret that can't be read
	WhyPrivilege = "privilege" // the account may not do it
	WhySilence   = "silence"   // no answer, or none any more
	WhyRefused   = "refused"   // the BMC refused, or did not keep what was set
	WhyState     = "state"     // the box did not reach the power state
	WhyOther     = "other"

	WhyCertificate    = "certificate"     // TLS: not trusted, or nothing in common
	WhySessions       = "sessions"        // no session free
	WhyLocked         = "locked"          // the account, after failed logins
	WhyPasswordChange = "password-change" // the password must be changed first
	WhyBusy           = "busy"            // later it may do it
)

// Why returns the reason of an error of this package, or of one that wraps ErrNoBMC or
// ErrPassword.
func Why(err error) string {
	var e *Error
	switch {
	case errors.Is(err, ErrNoBMC):
		return WhyAddress
	case errors.Is(err, ErrPassword):
		return WhyPassword
	case !errors.As(err, &e):
		return WhyOther
	}
	kind := kindOf(e.Kind)
	if kind.why != WhySilence {
		return kind.why
	}
	for _, no := range []error{syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ECONNREFUSED} {
		if kind.kind == ErrUnreachable && errors.Is(err, no) {
			return WhyAddress
		}
	}
	if e.Hint == HintSilentLogin {
		return WhyPassword
	}
	return WhySilence
}
