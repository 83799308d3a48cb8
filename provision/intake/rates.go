// Package intake limits what one host may send: its size, its rate, and how much of
// it is in memory at a time.
package intake

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates limit how often hosts may do something. Each host has a bucket that holds the
// number for an hour, and refills within one. The methods are safe for concurrent use.
type Rates struct {
	clock   func() time.Time // counted time
	perHour int

	mu sync.Mutex
	of map[string]*rate.Limiter
}

// NewRates makes buckets of perHour each, which refill by counted time.
func NewRates(clock func() time.Time, perHour int) *Rates {
	return &Rates{clock: clock, perHour: perHour, of: map[string]*rate.Limiter{}}
}

// Take takes one from a host's bucket. When the bucket is empty, it returns how long to
// wait, in whole seconds. Hosts are those of the inventory, so there are few buckets.
func (r *Rates) Take(host string) (wait time.Duration, ok bool) { return r.look(host, 1) }

// Look is Take without taking: for actions that count only once they have succeeded.
func (r *Rates) Look(host string) (wait time.Duration, ok bool) { return r.look(host, 0) }

func (r *Rates) look(host string, take int) (wait time.Duration, ok bool) {
	now := r.clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.of[host]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(float64(r.perHour)/time.Hour.Seconds()), r.perHour)
		r.of[host] = l
	}
	if l.TokensAt(now) >= 1 && l.AllowN(now, take) {
		return 0, true
	}
	seconds := (1 - l.TokensAt(now)) / float64(l.Limit())
	return time.Duration(math.Ceil(seconds)) * time.Second, false
}
