// Package limit keeps repetitions of one message back, so that one offender writes one event
// or log line a minute and not a thousand. Three other packages limit other things:
// provision.Flood limits all events of a kind that unknown senders cause, and sums up the
// rest in an event; package intake limits how much a host may send within an hour; package
// connlimit limits how many connections of a TCP port are open.
package limit

import (
	"sync"
	"time"
)

// A Limiter lets the first of many messages about one key through, and keeps the others
// back for a while. It remembers a bounded number of keys, however many a sender makes up.
// Its zero value is ready. It may be used by several goroutines.
type Limiter struct {
	Every time.Duration // how often one key may pass: 1 min when zero
	// Most bounds how many keys pass within Every, all together, and so the memory: 4096 when
	// zero. Beyond that, further keys are kept back: the journal has said enough by then.
	Most int

	mu     sync.Mutex
	last   map[string]time.Time // when each key passed
	oldest time.Time            // nothing in last is older
}

// maxKeys is Limiter.Most when it is zero.
const maxKeys = 4096

// Allow reports whether a message about key may pass now. A clock that is set back keeps
// no key back for longer.
func (l *Limiter) Allow(key string, now time.Time) bool {
	every, most := l.Every, l.Most
	if every == 0 {
		every = time.Minute
	}
	if most == 0 {
		most = maxKeys
	}
	recent := func(t time.Time) bool { return now.Sub(t) < every && !now.Before(t) }
	l.mu.Lock()
	defer l.mu.Unlock()
	if t, ok := l.last[key]; ok && recent(t) {
		return false
	}
	// A sweep only when there is something to sweep out: the flood itself must not
	// pay for one each time.
	if len(l.last) >= most && !recent(l.oldest) {
		l.oldest = now
		for k, t := range l.last {
			switch {
			case !recent(t):
				delete(l.last, k)
			case t.Before(l.oldest):
				l.oldest = t
			}
		}
	}
	if len(l.last) >= most {
		return false
	}
	if l.last == nil {
		l.last = make(map[string]time.Time)
	}
	if len(l.last) == 0 || now.Before(l.oldest) {
		l.oldest = now
	}
	l.last[key] = now
	return true
}
