package report

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// A Clock is time as the installer needs it; tests put in one that doesn't wait.
type Clock interface {
	Now() time.Time
	// Sleep waits, or returns the context's error.
	Sleep(ctx context.Context, d time.Duration) error
	// Set sets the system's clock. Now and Sleep don't notice: they use the monotonic
	// clock.
	Set(t time.Time) error
	// SetHardware sets the board's clock, in UTC.
	SetHardware(t time.Time) error
}

// Backoff is the wait before try n (from 0): 0.5 s, doubled up to 15 s.
func Backoff(n int) time.Duration {
	d := 500 * time.Millisecond << min(n, 5)
	return min(d, 15*time.Second)
}

// RetryAfter is how long a reply asks to wait (RFC 9110 section 10.2.3, in
// seconds or as a date), up to a minute; 0 when it doesn't.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	var d time.Duration
	if n, err := strconv.Atoi(v); err == nil {
		if n > 60 { // before it could overflow
			n = 60
		}
		d = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		// A date is the server's: it is compared with the server's clock, not the box's.
		if said, err := http.ParseTime(h.Get("Date")); err == nil {
			now = said
		}
		d = t.Sub(now)
	}
	return max(0, min(d, time.Minute))
}

// Transient reports whether a status may be another one soon: 408, 429 and 5xx,
// as Anaconda's curl has it.
func Transient(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}
