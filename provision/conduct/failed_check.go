package conduct

import (
	"errors"
	"time"

	"rackhand/provision/catalog"
)

// A failedCheck is the error of a check that fails, with what programs need to know of it.
type failedCheck struct {
	name   string // its words: GET http://10.77.0.11/
	source string // roles/web.yaml:3:5
	result string // one of package probe's, or host
	error
}

func (f failedCheck) Unwrap() error { return f.error }

// resultHost is the result of a check that the agent has run.
const resultHost = "host"

func onHostFailed(r catalog.CheckResult, err error) error {
	return failedCheck{r.Check, r.Source, resultHost, err}
}

// checkFields are the event's fields of a failed round.
func checkFields(err error) map[string]string {
	var f failedCheck
	if !errors.As(err, &f) {
		return nil
	}
	return map[string]string{"name": f.name, "source": f.source, "result": f.result}
}

// Bounds of the events of one install's checks.
const (
	mostTold   = 10
	toldWithin = time.Minute
)

// toldChecks are the failures of checks that have an event.
type toldChecks struct {
	times int
	key   string
	at    time.Time // counted
}

// news reports whether a failure is another one than the last, which the operator should
// hear of, and remembers it.
func (t *toldChecks) news(err error, now time.Time) bool {
	var f failedCheck
	_ = errors.As(err, &f)
	key := f.name + "\n" + f.result
	switch {
	case t.times > 0 && t.key == "": // told by the appliance that ran before
		t.key = key
		return false
	case t.times > 0 && (t.key == key || t.times >= mostTold || now.Sub(t.at) < toldWithin):
		return false
	}
	t.times, t.key, t.at = t.times+1, key, now
	return true
}
