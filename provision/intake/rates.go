// Package intake limits what one host may send: its size, its rate, and how much of
// it is in memory at a time.
package intake

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates are how often hosts may do something: a bucket for each, which holds what may be
// done within an hour, and is as full again after one. Their methods may be called at
// once from many goroutines.
type Rates struct {
	clock   func() time.Time // counted time
	perHour int

	mu sync.Mutex
	of map[string]*rate.Limiter
}

// NewRates makes buckets of perHour each, which go by counted time.
func NewRates(clock func() time.Time, perHour int) *Rates {
	return &Rates{clock: clock, perHour: perHour, of: map[string]*rate.Limiter{}}
}

// Take takes one out of a host's bucket. When there is none, it returns after how long
// there is, in whole seconds. Hosts are the inventory's, so there are few.
func (r *Rates) Take(host string) (wait time.Duration, ok bool) { return r.look(host, 1) }

// Look is Take that takes nothing: for what counts only once it has succeeded.
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
