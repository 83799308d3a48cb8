package mirror

import (
	"errors"
	"net/url"
	"time"

	"rackhand/provision"
	"rackhand/provision/limit"
)

// The kinds of events that the cache records.
const (
	kindStale       = "mirror-stale"       // an old copy was served, since the upstream doesn't answer
	kindUnavailable = "mirror-unavailable" // there was no copy to serve
	kindBroken      = "mirror-broken"      // a file broke off under way
	kindReplaced    = "mirror-replaced"    // a package was published anew under its name
	kindMismatch    = "mirror-mismatch"    // the upstream sends another file than its index names
	kindDisk        = "mirror-disk"        // the cache's own folder fails
)

// quiet is how long an upstream's events of one kind are held back after one: a
// rack of hosts that install at once would write thousands.
const quiet = time.Minute

// events records what happened, at most once a minute per upstream and kind.
type events struct {
	o    Options
	said *limit.Limiter
}

func newEvents(o Options) *events { return &events{o: o, said: &limit.Limiter{Every: quiet}} }

func (e *events) record(upstream, kind, message string) {
	now := e.o.Clock()
	if !e.said.Allow(upstream+" "+kind, now) {
		return
	}
	level, write := provision.LevelWarn, e.o.Log.Warn
	if kind == kindReplaced { // worth knowing, and nothing to do
		level, write = "", e.o.Log.Info
	}
	write("mirror: "+message, "upstream", upstream, "kind", kind)
	err := e.o.Record.Record(provision.Event{
		Time: now, Source: "appliance", Kind: kind, Level: level, Message: message,
		Fields: map[string]string{"mirror": upstream},
	})
	if err != nil {
		e.o.Log.Error("mirror: an event wasn't kept", "error", err)
	}
}

// reason is an error's text without the upstream's URL, which may hold a password
// or a token in its path.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
