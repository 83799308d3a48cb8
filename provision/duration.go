package provision

import (
	"fmt"
	"strings"
	"time"
)

// Roughly is a time in its largest unit, rounded down: 42 s, 3 h, 12 days.
func Roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/day)
}

// Span is a time in its two largest units, as people read it: 4.2 s, 42 s, 3 min 20 s,
// 5 h 12 min, 2 days.
func Span(d time.Duration) string {
	two := func(big time.Duration, a string, small time.Duration, b string) string {
		text := fmt.Sprintf("%d %s", d/big, a)
		if rest := d % big / small; rest > 0 {
			text += fmt.Sprintf(" %d %s", rest, b)
		}
		return text
	}
	switch {
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", max(0, d.Truncate(100*time.Millisecond)).Seconds()), ".0") + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return two(time.Minute, "min", time.Second, "s")
	case d < 48*time.Hour:
		return two(time.Hour, "h", time.Minute, "min")
	}
	return Roughly(d)
}
