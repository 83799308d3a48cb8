package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"syscall"
)

// The ways in which a check fails, for programs.
const (
	ResultRefused     = "refused"     // nothing listens on the port
	ResultUnreachable = "unreachable" // no route, or no machine has the address
	ResultTimeout     = "timeout"     // no answer, or not all of it, within the deadline
	ResultCertificate = "certificate" // of TLS
	ResultStatus      = "status"      // another HTTP status than wanted
	ResultBody        = "body"        // another content than wanted
	ResultOther       = "other"
)

// A failure is an error of a check whose way of failing is known.
type failure struct {
	result string
	error
}

func (f failure) Unwrap() error { return f.error }

// A deadlineError is the cause of a check that its deadline ended.
type deadlineError struct{ text string }

func (e deadlineError) Error() string { return e.text }

// Result is the way in which a check failed, by the error of Try or Look.
func Result(err error) string {
	var known failure
	var deadline deadlineError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &known):
		return known.result
	case errors.As(err, &deadline), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return ResultTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return ResultRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ResultUnreachable
	case errors.As(err, &verify), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &invalid):
		return ResultCertificate
	}
	return ResultOther
}
