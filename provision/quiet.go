package provision

import (
	"sync"
	"time"
)

// A Quiet lets the first of many like things through and keeps the rest of them
// back for a while, so that an offender writes one event a minute and not a
// thousand. It remembers a bounded number of offenders.
type Quiet struct {
	Every time.Duration // 1 min when zero

	mu    sync.Mutex
	last  map[string]time.Time
	swept time.Time
}

// maxOffenders bounds a Quiet's memory. When it is full of recent ones, further
// offenders are kept back: under such a flood the journal has said enough.
const maxOffenders = 4096

// Allow reports whether something about key may be said now.
func (q *Quiet) Allow(key string, now time.Time) bool {
	every := q.Every
	if every == 0 {
		every = time.Minute
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last == nil {
		q.last = make(map[string]time.Time)
	}
	if t, ok := q.last[key]; ok && now.Sub(t) < every {
		return false
	}
	if len(q.last) >= maxOffenders {
		// One sweep a period: the flood itself must not pay for a sweep each time.
		if now.Sub(q.swept) < every {
			return false
		}
		q.swept = now
		for k, t := range q.last {
			if now.Sub(t) >= every {
				delete(q.last, k)
			}
		}
		if len(q.last) >= maxOffenders {
			return false
		}
	}
	q.last[key] = now
	return true
}
