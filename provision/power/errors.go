package power

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"
)

// Kinds of failure, for errors.Is.
var (
	ErrUnreachable = errors.New("the BMC doesn't answer")
	ErrCredentials = errors.New("the BMC refused the user or the password")
	ErrPrivilege   = errors.New("the BMC grants this user less than operator privilege")
	ErrSessions    = errors.New("the BMC has no session free")
	ErrCipher      = errors.New("the BMC offers no cipher suite 17 or 3")
	ErrRefused     = errors.New("the BMC refused the command")
	ErrBootDevice  = errors.New("the BMC did not keep the boot device that was set")
	ErrPowerState  = errors.New("the box didn't reach the power state that was set")
	ErrBusy        = errors.New("another operation on this BMC took too long")
)

// An Error is a failed operation on a BMC. It says what failed, why, and what to
// do; it never holds a password.
type Error struct {
	Op   string         // the operation: "set the boot device"
	BMC  netip.AddrPort // the BMC's address
	Kind error          // one of the kinds above
	Err  error          // the cause, may be nil
	Hint string         // for the operator; a general hint of the kind when empty
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "power: %s by BMC %s: %v", e.Op, e.BMC, e.Kind)
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	hint := e.Hint
	if hint == "" {
		hint = hintFor(e.Kind)
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

func hintFor(kind error) string {
	switch {
	case errors.Is(kind, ErrUnreachable):
		return "check its address and cable, and that IPMI over LAN is switched on in its settings"
	case errors.Is(kind, ErrCredentials):
		return "check bmc.user and the secret it names; the account needs operator privilege over LAN at least"
	case errors.Is(kind, ErrPrivilege):
		return hintPrivilege
	case errors.Is(kind, ErrSessions):
		return "too many tools are logged in; sessions left open end by themselves after a minute, or reset the BMC"
	case errors.Is(kind, ErrCipher):
		return "enable cipher suite 17 or 3 in its settings"
	case errors.Is(kind, ErrBootDevice):
		return "set the boot order in the box's firmware setup, or update the BMC's firmware"
	case errors.Is(kind, ErrPowerState):
		return "look at the box: its power may be locked, faulty, or slower than usual"
	}
	return ""
}

// named fills in the BMC and the operation of an error.
func named(op string, t Target, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Op, e.BMC = op, t.Address
		return e
	}
	return &Error{Op: op, BMC: t.Address, Kind: ErrRefused, Err: err}
}

// classify turns an error of the IPMI library into an Error.
func classify(err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	kind, hint := ErrRefused, ""
	var status *types.RmcpStatusError
	switch {
	case errors.As(err, &status):
		kind = kindOfStatus(status.StatusCode())
	case errors.Is(err, client.ErrRAKPAuthentication):
		kind = ErrCredentials
	case isTimeout(err):
		kind = ErrUnreachable
	case isCode(err, types.CodeInsufficientPrivilege):
		hint = hintPrivilege
	default:
		var op *net.OpError // no route, port unreachable
		if errors.As(err, &op) {
			kind = ErrUnreachable
		}
	}
	return &Error{Kind: kind, Err: err, Hint: hint}
}

// classifyOpen is classify for an Open Session Request, which only names the algorithms. A
// BMC refuses it for a lack of sessions or because of the cipher suite. BMCs use various
// codes for the second.
func classifyOpen(err error) error {
	err = classify(err)
	var e *Error
	var status *types.RmcpStatusError
	if errors.As(err, &status) && errors.As(err, &e) && e.Kind != ErrSessions {
		e.Kind = ErrCipher
	}
	return err
}

const (
	hintSilentLogin = "it answered at first and fell silent at the login: some BMCs do so for a user that they don't know"
	hintPrivilege   = "give the account operator or administrator privilege over LAN"
)

// isCode reports whether a BMC answered a command with this completion code.
func isCode(err error, code types.CompletionCode) bool {
	r, ok := types.IsResponseError(err)
	return ok && r.CompletionCode() == code
}

// isPrivilege reports whether a login failed at the requested privilege level.
func isPrivilege(err error) bool {
	var status *types.RmcpStatusError
	return errors.As(err, &status) && kindOfStatus(status.StatusCode()) == ErrPrivilege
}

func privilegeError(cause error) error {
	return &Error{Kind: ErrPrivilege, Err: cause}
}

// A failedSuite is a login that a cipher suite may be the reason for.
type failedSuite struct {
	suite types.CipherSuiteID
	err   error
}

// noSuite makes one error of the logins that failed. A BMC that refuses a suite
// answers; one that is silent to all of them, or falls silent in the middle of a
// login, doesn't.
func noSuite(failed []failedSuite) error {
	refused, hint := false, ""
	var how []string
	for _, f := range failed {
		var e *Error
		var status *types.RmcpStatusError
		switch {
		case !isTimeout(f.err):
			refused = true
			what := "refused"
			if errors.As(f.err, &status) {
				what += fmt.Sprintf(" with status %02Xh, %s", uint8(status.StatusCode()), status.StatusCode())
			}
			how = append(how, fmt.Sprintf("cipher suite %d: %s", f.suite, what))
		case errors.As(f.err, &e) && e.Hint == hintSilentLogin:
			hint = hintSilentLogin
			how = append(how, fmt.Sprintf("cipher suite %d: no answer to the login", f.suite))
		default:
			how = append(how, fmt.Sprintf("cipher suite %d: no answer", f.suite))
		}
	}
	kind := ErrUnreachable
	if refused && hint == "" {
		kind = ErrCipher
	}
	return &Error{Kind: kind, Err: errors.New(strings.Join(how, "; ")), Hint: hint}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &ne) && ne.Timeout() ||
		// go-ipmi's own error for this has no name: no datagram was the answer.
		strings.Contains(err.Error(), "no datagram matched")
}

// kindOfStatus sorts the status codes of IPMI 2.0 table 13-15.
func kindOfStatus(code types.RmcpStatusCode) error {
	switch code {
	case types.RmcpStatusCodeNoResToCreateSess, types.RmcpStatusCodeNoResToCreateSessAtRole,
		// The BMC dropped the half-open session to make room for another.
		types.RmcpStatusCodeInvalidSessionID, types.RmcpStatusCodeInactiveSessionID:
		return ErrSessions
	case types.RmcpStatusCodeInvalidAuthAlg, types.RmcpStatusCodeInvalidIntegrityAlg,
		types.RmcpStatusCodeNoMatchingAuthPayload, types.RmcpStatusCodeNoMatchingIntegrityPayload,
		types.RmcpStatusCodeInvalidConfidentAlg, types.RmcpStatusCodeNoCipherSuiteMatch:
		return ErrCipher
	case types.RmcpStatusCodeInvalidRole, types.RmcpStatusCodeUnauthorizedRoleOfPriLevel:
		return ErrPrivilege
	case types.RmcpStatusCodeInvalidNameLength, types.RmcpStatusCodeUnauthorizedName,
		types.RmcpStatusCodeInvalidIntegrityCheckValue:
		return ErrCredentials
	}
	return ErrRefused
}
