package bmc

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Why there is no Target of a host, for errors.Is.
var (
	ErrNoBMC    = errors.New("it has no BMC in the inventory")
	ErrPassword = errors.New("the BMC's password") // can't be read
)

// An Error is a failed operation on a BMC. It says what failed, why, and what to
// do; it never holds a password.
type Error struct {
	Op   string         // the operation: "set the boot device"
	BMC  netip.AddrPort // the BMC's address
	Kind error          // one of the kinds above
	Err  error          // the cause, may be nil
	Hint string         // for the operator; a general hint of the kind when empty
	// RetryAfter is how long the BMC asks to wait (ErrNotReady); 0 when it doesn't say.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "power: %s by BMC %s: %v", e.Op, e.BMC, e.Kind)
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	hint := e.Hint
	if hint == "" {
		hint = kindOf(e.Kind).hint
	}
	if hint != "" {
		b.WriteString(": " + hint)
	}
	return b.String()
}

// Unwrap lets errors.Is find the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Named fills in the BMC and the operation of an error. What a BMC can't do stays
// ErrUnsupported.
func Named(op string, t Target, err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		e.Op, e.BMC = op, t.Address
		return e
	case errors.Is(err, ErrUnsupported):
		return fmt.Errorf("%s by BMC %s: %w", op, t.Address, err)
	}
	return &Error{Op: op, BMC: t.Address, Kind: ErrRefused, Err: err}
}

// Hints that fit an error better than that of its kind.
const (
	HintSilentLogin = "it answered at first and fell silent at the login: some BMCs do so for a user that they don't know"
	HintAdmin       = "give the account administrator privilege over LAN, and set bmc.privilege: administrator"
	HintPrivilege   = "give the account operator or administrator privilege over LAN"
)
