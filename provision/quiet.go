package provision

import (
	"sync"
	"time"
)

// A Quiet lets the first of many like things through and keeps the rest of them
// back for a while, so that an offender writes one event a minute and not a
// thousand. It remembers a bounded number of offenders, however many keys somebody
// makes up. Its zero value is ready.
type Quiet struct {
	Every time.Duration // 1 min when zero
	// Most bounds what is let through of all keys together within Every, and so
	// its memory: 4096 when zero. When that many were recent, further ones are kept
	// back: under such a flood the journal has said enough.
	Most int

	mu     sync.Mutex
	last   map[string]time.Time
	oldest time.Time // nothing in last is older
}

// maxOffenders is Quiet.Most when nothing is said.
const maxOffenders = 4096

// Allow reports whether something about key may be said now. A clock that is set
// back keeps nobody quiet for longer.
func (q *Quiet) Allow(key string, now time.Time) bool {
	every, most := q.Every, q.Most
	if every == 0 {
		every = time.Minute
	}
	if most == 0 {
		most = maxOffenders
	}
	recent := func(t time.Time) bool { return now.Sub(t) < every && !now.Before(t) }
	q.mu.Lock()
	defer q.mu.Unlock()
	if t, ok := q.last[key]; ok && recent(t) {
		return false
	}
	// A sweep only when there is something to sweep out: the flood itself must not
	// pay for one each time.
	if len(q.last) >= most && !recent(q.oldest) {
		q.oldest = now
		for k, t := range q.last {
			switch {
			case !recent(t):
				delete(q.last, k)
			case t.Before(q.oldest):
				q.oldest = t
			}
		}
	}
	if len(q.last) >= most {
		return false
	}
	if q.last == nil {
		q.last = make(map[string]time.Time)
	}
	if len(q.last) == 0 || now.Before(q.oldest) {
		q.oldest = now
	}
	q.last[key] = now
	return true
}
