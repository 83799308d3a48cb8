package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// clockText writes a duration as people read a stopwatch: 0:07, 14:59, 1:02:03,
// and days beyond. The page's script does the same.
func clockText(d time.Duration) string {
	s := max(0, int64(d/time.Second))
	switch {
	case s >= 100*3600:
		return fmt.Sprintf("%d days", s/86400)
	case s >= 3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// tookText writes how long a stage took: tenths count while it is short.
func tookText(d time.Duration) string {
	d = max(0, d)
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	if d < 100*time.Second {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return clockText(d)
}

// A moment is a point in time for a <time> element: Text is UTC, which the
// page's script turns into the reader's own time.
type moment struct {
	ISO  string
	Text string
}

// at makes a moment; nil for the zero time. Times of another day carry their date.
func at(t, now time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t, now = t.UTC(), now.UTC()
	layout := "15:04:05 UTC"
	if t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		layout = "2006-01-02 15:04:05 UTC"
	}
	return &moment{ISO: t.Format("2006-01-02T15:04:05.000Z"), Text: t.Format(layout)}
}

// cut shortens what came from outside to n characters.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n]) + "…"
}

// fraction reads how far a progress text such as "412 of 980 MB" or "57%" has
// come; ok is false for any other text.
func fraction(progress string) (done, total float64, ok bool) {
	if pct, found := strings.CutSuffix(strings.TrimSpace(progress), "%"); found {
		done, err := strconv.ParseFloat(strings.TrimSpace(pct), 64)
		return done, 100, err == nil && done >= 0 && done <= 100
	}
	words := strings.Fields(progress)
	for i := 1; i+1 < len(words); i++ {
		if words[i] != "of" {
			continue
		}
		done, err1 := strconv.ParseFloat(words[i-1], 64)
		total, err2 := strconv.ParseFloat(words[i+1], 64)
		if err1 == nil && err2 == nil && done >= 0 && total > 0 && done <= total && !math.IsInf(total, 0) {
			return done, total, true
		}
	}
	return 0, 0, false
}
