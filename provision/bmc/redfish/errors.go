package redfish

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"rackhand/provision/bmc"
)

const (
	hintReach = "check its address and cable, and that HTTPS and Redfish are switched on in its settings"
	// maxRetryAfter bounds what a BMC may ask us to wait.
	maxRetryAfter = 60
)

// failed is the error of an exchange that got no whole answer; what says how far it came.
func (c *client) failed(err error, what string) error {
	var e *bmc.Error
	switch {
	case errors.As(err, &e): // of the certificate
		return e
	case errors.Is(err, errLong), errors.Is(err, errBody):
		return &bmc.Error{Kind: bmc.ErrAnswer, Err: err}
	case errors.As(err, new(tls.RecordHeaderError)), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return &bmc.Error{Kind: bmc.ErrNoRedfish, Err: errors.New("that port doesn't speak TLS"), Hint: "switch HTTPS on in its settings; rackhand sends no password without it"}
	case oldTLS(err):
		return &bmc.Error{Kind: bmc.ErrOldTLS}
	case strings.Contains(err.Error(), "failed to parse certificate"):
		return &bmc.Error{Kind: bmc.ErrCertificate, Err: errors.New("it is malformed"), Hint: "let the BMC make itself a new certificate, on its own page"}
	case errors.Is(err, context.Canceled):
		return &bmc.Error{Kind: bmc.ErrUnreachable, Err: fmt.Errorf("%s: %w", what, context.Canceled), Hint: "the operation was cancelled"}
	case isTimeout(err):
		return c.silent(fmt.Errorf("%s: %w", what, os.ErrDeadlineExceeded))
	}
	var cause error = errors.New(clean(innermost(err).Error(), shortText))
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		cause = number
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		cause = io.ErrUnexpectedEOF
	case !errors.As(err, new(*net.OpError)): // no HTTP: headers too long, malformed
		return &bmc.Error{Kind: bmc.ErrAnswer, Err: cause}
	}
	return c.silent(fmt.Errorf("%s: %w", what, cause))
}

// silent is the error of a request without a whole answer: a BMC that has answered before has
// another fault than a wrong address.
func (c *client) silent(cause error) error {
	if c.answered {
		return &bmc.Error{Kind: bmc.ErrSilent, Err: cause}
	}
	return &bmc.Error{Kind: bmc.ErrUnreachable, Err: cause, Hint: hintReach}
}

// innermost leaves out the library's clauses around a cause.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// broken reports whether a connection broke off, rather than that a BMC was silent.
func broken(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// oldTLS reports whether a handshake failed for want of a common version or cipher.
func oldTLS(err error) bool {
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return alert == 40 || alert == 70 || alert == 71 // RFC 8446 §6.2: handshake_failure, protocol_version, insufficient_security
	}
	text := err.Error()
	for _, part := range []string{"tls: handshake failure", "protocol version not supported", "unsupported protocol version", "unconfigured cipher suite"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// judge is the error of an answer that isn't a success, with the BMC's own words.
func (r *reply) judge(secrets ...string) error {
	if r.status >= 200 && r.status < 300 {
		return nil
	}
	said := r.said()
	for _, secret := range secrets { // a BMC may quote the password that it refuses
		said = said.without(secret)
	}
	fail := func(kind error, hint string) error {
		return &bmc.Error{Kind: kind, Err: r.cause(said), Hint: hint, RetryAfter: r.retryAfter()}
	}
	switch {
	case said.has("PasswordChangeRequired", "SWC1908"):
		return fail(bmc.ErrPasswordChange, "")
	case said.has("SessionLimitExceeded", "RAC0218") || said.contains("maximum number of user sessions"):
		return fail(bmc.ErrSessions, "end sessions that other tools left open on the BMC's page, or restart the BMC; most have room for about eight")
	case said.has("AccountLocked", "LoginAttemptDelayed", "UserAccountLocked") || r.status != http.StatusLocked && said.contains("account is locked", "account has been locked", "locked out"):
		return fail(bmc.ErrLocked, "")
	case r.status == http.StatusUnauthorized, said.has("UnauthorizedLoginAttempt", "NoValidSession"):
		return fail(bmc.ErrCredentials, "check bmc.user and the secret it names; do so before you try again, some BMCs lock an account after five failures")
	case r.status == http.StatusForbidden, said.has("InsufficientPrivilege"):
		return fail(bmc.ErrPrivilege, "give the account the role Operator or Administrator on the BMC; accounts, network and logs need Administrator")
	case busyStatus[r.status], said.has("UnableToModifyDuringSystemPOST", "ServiceTemporarilyUnavailable", "ServiceInUnknownState", "ResourceInUse", "ServiceShuttingDown"):
		return fail(bmc.ErrNotReady, "")
	case r.status >= 300 && r.status < 400:
		return &bmc.Error{Kind: bmc.ErrAnswer, Err: fmt.Errorf("it sends %s elsewhere (%d), and rackhand follows no redirect with a password", clean(r.path, shortText), r.status)}
	case r.status == http.StatusNotFound, r.status == http.StatusMethodNotAllowed, r.status == http.StatusNotImplemented, said.has("ActionNotSupported", "ResourceMissingAtURI"):
		return fmt.Errorf("%w: %w", bmc.ErrUnsupported, r.cause(said))
	}
	return fail(bmc.ErrRefused, "")
}

var busyStatus = map[int]bool{
	http.StatusConflict: true, http.StatusServiceUnavailable: true, http.StatusTooManyRequests: true, http.StatusLocked: true,
}

func (r *reply) cause(said words) error {
	if text := said.String(); text != "" {
		return fmt.Errorf("%s %s: %d, %s", r.method, clean(r.path, shortText), r.status, text)
	}
	return fmt.Errorf("%s %s: %d %s", r.method, clean(r.path, shortText), r.status, http.StatusText(r.status))
}
