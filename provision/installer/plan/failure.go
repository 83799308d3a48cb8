package plan

import "errors"

// A Failure is an error with a machine-readable kind, for the event.
type Failure struct {
	Kind string
	Err  error
	// Fields are facts about it, for the event; nil: there are none.
	Fields map[string]string
}

// The kinds of failure.
const (
	FailDisk      = "disk-refused"      // a disk carries data
	FailKickstart = "kickstart-refused" // the answer file can't be carried out
	FailFetch     = "fetch-refused"     // the answer file can't be fetched
	FailImage     = "image-refused"     // the image is broken, or another one than the Kickstart names
	FailPackages  = "packages-failed"   // %packages couldn't be installed
	FailScript    = "script-failed"     // a script with --erroronfail
	FailOther     = "failed"
)

// Error is the cause's text.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap is the cause.
func (f *Failure) Unwrap() error { return f.Err }

// FailKind is the kind of a Failure in err's chain, FailOther without one.
func FailKind(err error) string {
	var f *Failure
	if errors.As(err, &f) {
		return f.Kind
	}
	return FailOther
}

// FailFields are the facts of a Failure in err's chain.
func FailFields(err error) map[string]string {
	var f *Failure
	if errors.As(err, &f) {
		return f.Fields
	}
	return nil
}
