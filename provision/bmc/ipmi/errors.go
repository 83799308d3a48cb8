package ipmi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// A cause says in plain words why an operation failed. The library's error below it is for
// errors.Is and errors.As only.
type cause struct {
	text string
	err  error
}

func (c cause) Error() string { return c.text }
func (c cause) Unwrap() error { return c.err }

// plain says an error of the library or of the network in few words.
func plain(err error) error {
	var status *types.RmcpStatusError
	var number syscall.Errno
	text := ""
	switch r, refused := types.IsResponseError(err); {
	case refused:
		text = fmt.Sprintf("completion code %02Xh: %s", uint8(r.CompletionCode()), codeText(r.CompletionCode()))
	case errors.As(err, &status):
		text = fmt.Sprintf("status %02Xh: %s", uint8(status.StatusCode()), strings.ToLower(status.StatusCode().String()))
	case errors.Is(err, client.ErrRAKPAuthentication):
		text = "the password is wrong, or it doesn't know the user"
	case errors.Is(err, context.Canceled):
		text = "cancelled"
	case isTimeout(err):
		// The library's own error for this has no name.
		return cause{"no answer in time", errors.Join(os.ErrDeadlineExceeded, err)}
	case errors.As(err, &number):
		text = number.Error()
	default:
		text = "it sent an answer that makes no sense"
	}
	return cause{text, err}
}

// codeText is the text of a completion code (IPMI 2.0 table 5-2).
func codeText(code types.CompletionCode) string {
	text := strings.ToLower(strings.TrimSuffix(types.StrCC(types.Command{}, uint8(code)), "."))
	if text == "" {
		return "unknown"
	}
	return text
}

// hintFirmware is what to do about answers that break the standard.
const hintFirmware = "restart the BMC, then update its firmware"

// classify turns an error of the IPMI library into an Error with one cause.
func classify(err error) error {
	var e *bmc.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	kind, hint := bmc.ErrRefused, ""
	var status *types.RmcpStatusError
	var op *net.OpError // no route, port unreachable
	switch {
	case errors.As(err, &status):
		kind = kindOfStatus(status.StatusCode())
	case errors.Is(err, client.ErrRAKPAuthentication):
		kind = bmc.ErrCredentials
	case errors.Is(err, context.Canceled):
		kind = bmc.ErrCancelled
	case isTimeout(err):
		kind = bmc.ErrSilent
	case isCode(err, types.CodeInsufficientPrivilege):
		kind, hint = bmc.ErrPrivilege, bmc.HintPrivilege
	case isCode(err, types.CodeNotSupported):
		kind = bmc.ErrState
	case isCode(err, types.CodeInvalidCommand), isCode(err, types.CodeInvalidCommandForLUN), isCode(err, types.CodeSubFnDisabled):
		return unsupported{plain(err)}
	case isCode(err, types.CodeNodeBusy), isCode(err, types.CodeCannotProvideResponseSDRRInUpdate),
		isCode(err, types.CodeCannotProvideResponseFirmwareUpdate), isCode(err, types.CodeCannotProvideResponseBMCInitialize):
		kind = bmc.ErrNotReady
	case errors.As(err, &op):
		kind = bmc.ErrUnreachable
	default:
		if _, refused := types.IsResponseError(err); !refused {
			kind, hint = bmc.ErrAnswer, hintFirmware
		}
	}
	return &bmc.Error{Kind: kind, Err: plain(err), Hint: hint}
}

// distrust turns the error of a silence into one of answers that were dropped as malformed.
func (g *guard) distrust(err error) error {
	var e *bmc.Error
	if why := g.malformed(); why != "" && isTimeout(err) && errors.As(err, &e) {
		return &bmc.Error{Kind: bmc.ErrMalformed, Err: cause{why, err}}
	}
	return err
}

// unsupported is the error of a command that the BMC doesn't have.
type unsupported struct{ cause error }

func (u unsupported) Error() string   { return bmc.ErrUnsupported.Error() + ": " + u.cause.Error() }
func (u unsupported) Unwrap() []error { return []error{bmc.ErrUnsupported, u.cause} }

// classifyOpen is classify for an Open Session Request, which only names the algorithms. A
// BMC refuses it for a lack of sessions or because of the cipher suite. BMCs use various
// codes for the second. A BMC that is silent here has never answered.
func classifyOpen(err error) error {
	err = classify(err)
	var e *bmc.Error
	var status *types.RmcpStatusError
	switch {
	case !errors.As(err, &e):
	case errors.As(err, &status) && e.Kind != bmc.ErrSessions:
		e.Kind = bmc.ErrCipher
	case e.Kind == bmc.ErrSilent:
		e.Kind = bmc.ErrUnreachable
	}
	return err
}

// isCode reports whether a BMC answered a command with this completion code.
func isCode(err error, code types.CompletionCode) bool {
	r, ok := types.IsResponseError(err)
	return ok && r.CompletionCode() == code
}

func privilegeError(why error) error {
	return &bmc.Error{Kind: bmc.ErrPrivilege, Err: why}
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
	refused, answered, malformed, hint := false, false, false, ""
	var how []string
	for _, f := range failed {
		var e *bmc.Error
		var status *types.RmcpStatusError
		switch {
		case !isTimeout(f.err):
			refused = true
			what := "refused"
			if errors.As(f.err, &status) {
				what += fmt.Sprintf(" with status %02Xh, %s", uint8(status.StatusCode()), status.StatusCode())
			}
			how = append(how, fmt.Sprintf("cipher suite %d: %s", f.suite, what))
		case errors.Is(f.err, bmc.ErrMalformed):
			malformed = true
			_ = errors.As(f.err, &e)
			how = append(how, fmt.Sprintf("cipher suite %d: %v", f.suite, e.Err))
		case errors.As(f.err, &e) && e.Kind == bmc.ErrSilent:
			answered, hint = true, e.Hint
			how = append(how, fmt.Sprintf("cipher suite %d: no answer to the login", f.suite))
		default:
			how = append(how, fmt.Sprintf("cipher suite %d: no answer", f.suite))
		}
	}
	var kind error
	switch {
	case malformed:
		kind, hint = bmc.ErrMalformed, ""
	case answered:
		kind = bmc.ErrSilent
	case refused:
		kind = bmc.ErrCipher
	default:
		kind = bmc.ErrUnreachable
	}
	return &bmc.Error{Kind: kind, Err: cause{strings.Join(how, "; "), failed[len(failed)-1].err}, Hint: hint}
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
		return bmc.ErrSessions
	case types.RmcpStatusCodeInvalidAuthAlg, types.RmcpStatusCodeInvalidIntegrityAlg,
		types.RmcpStatusCodeNoMatchingAuthPayload, types.RmcpStatusCodeNoMatchingIntegrityPayload,
		types.RmcpStatusCodeInvalidConfidentAlg, types.RmcpStatusCodeNoCipherSuiteMatch:
		return bmc.ErrCipher
	case types.RmcpStatusCodeInvalidRole, types.RmcpStatusCodeUnauthorizedRoleOfPriLevel:
		return bmc.ErrPrivilege
	case types.RmcpStatusCodeInvalidNameLength, types.RmcpStatusCodeUnauthorizedName,
		types.RmcpStatusCodeInvalidIntegrityCheckValue:
		return bmc.ErrCredentials
	}
	return bmc.ErrRefused
}
