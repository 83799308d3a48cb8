package dhcp

import (
	"sync"
	"time"
)

// Bounds of what strangers can make us write down.
const (
	limitEvery = time.Minute
	limitTotal = 120 // of all keys together within limitEvery
)

// A limiter lets one event a minute through for each key, and limitTotal of all
// keys together, however many keys somebody makes up: it remembers no more.
type limiter struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// allow reports whether the event of that key may be written now.
func (l *limiter) allow(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.last[key]; ok && now.Sub(at) < limitEvery && !now.Before(at) {
		return false
	}
	for k, at := range l.last {
		if now.Sub(at) >= limitEvery || now.Before(at) {
			delete(l.last, k)
		}
	}
	if len(l.last) >= limitTotal {
		return false
	}
	if l.last == nil {
		l.last = map[string]time.Time{}
	}
	l.last[key] = now
	return true
}
