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
	kindStale       = "mirror-stale"       // an old copy was served, because the upstream doesn't answer
	kindUnavailable = "mirror-unavailable" // there was no copy to serve
	kindBroken      = "mirror-broken"      // a download broke off
	kindReplaced    = "mirror-replaced"    // a package was published again under its name
	kindMismatch    = "mirror-mismatch"    // the upstream sends another file than its index names
	kindDisk        = "mirror-disk"        // the cache's own folder fails
)

// eventInterval is the least time between two events of one upstream and kind: a rack of
// hosts that install at once would write thousands.
const eventInterval = time.Minute

// events records what happened, once an interval for each upstream and kind.
type events struct {
	o       Options
	limiter *limit.Limiter
}

func newEvents(o Options) *events {
	return &events{o: o, limiter: &limit.Limiter{Every: eventInterval}}
}

func (e *events) record(upstream, kind, message string) {
	now := e.o.Clock()
	if !e.limiter.Allow(upstream+" "+kind, now) {
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

// reason is the text of an error without the URL of the upstream, whose path may hold a
// password or token.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
