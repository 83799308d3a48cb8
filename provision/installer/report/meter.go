package report

import (
	"fmt"
	"time"
)

// meterWindow is the time over which a rate is taken: the last seconds say what
// the next ones will be like, and a single one jumps.
const meterWindow = 10 * time.Second

// A Meter computes the speed of a transfer from bytes and times.
type Meter struct {
	samples []sample // of the last meterWindow, one more before them
}

type sample struct {
	when  time.Time
	bytes int64
}

// Add notes how much has come until now.
func (m *Meter) Add(now time.Time, bytes int64) {
	m.samples = append(m.samples, sample{now, bytes})
	for len(m.samples) > 2 && now.Sub(m.samples[1].when) >= meterWindow {
		m.samples = m.samples[1:]
	}
}

// rate is in bytes a second; 0 while it is unknown.
func (m *Meter) rate() float64 {
	if len(m.samples) < 2 {
		return 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	d := last.when.Sub(first.when).Seconds()
	if d <= 0 {
		return 0
	}
	return float64(last.bytes-first.bytes) / d
}

// Text says how far a transfer of size bytes (-1: unknown) is, as
// "412 of 980 MB, 21 MB/s, 27 s to go".
func (m *Meter) Text(size int64) string {
	if len(m.samples) == 0 {
		return Amount(0, size)
	}
	at := m.samples[len(m.samples)-1].bytes
	out := Amount(at, size)
	rate := m.rate()
	if rate <= 0 {
		return out
	}
	out += ", " + rateText(rate)
	if size > at {
		out += ", " + inWords(float64(size-at)/rate) + " to go"
	}
	return out
}

// Amount is "412 of 980 MB", or "412 MB" when the size isn't known. MB are 10⁶ bytes.
func Amount(at, size int64) string {
	if size < 0 {
		return fmt.Sprintf("%d MB", Megabytes(at))
	}
	return fmt.Sprintf("%d of %d MB", Megabytes(at), Megabytes(size))
}

// Megabytes rounds bytes to units of 10⁶.
func Megabytes(n int64) int64 { return (n + 500_000) / 1_000_000 }

// Speed is the rate of so many bytes in so many seconds.
func Speed(bytes int64, seconds float64) string {
	return rateText(float64(bytes) / max(seconds, 0.001))
}

func rateText(rate float64) string {
	if rate < 9.5e6 {
		return fmt.Sprintf("%.1f MB/s", rate/1e6)
	}
	return fmt.Sprintf("%.0f MB/s", rate/1e6)
}

// inWords says seconds as a person would.
func inWords(seconds float64) string {
	switch {
	case seconds < 119.5:
		return fmt.Sprintf("%.0f s", max(1, seconds))
	case seconds < 119.5*60:
		return fmt.Sprintf("%.0f min", seconds/60)
	}
	return fmt.Sprintf("%.0f h", min(seconds/3600, 9999))
}
