// Package window tells when maintenance is allowed: at set times of the week, in a time
// zone. It is linked into the agent and uses the standard library alone.
package window

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a host may have no time zones
)

// MaxWindows is how many windows a set has at most.
const MaxWindows = 20

// A Window is a time of the week by the clock on the wall. One that ends before it begins
// ends on the next day.
type Window struct {
	Days       [7]bool // by time.Weekday
	Start, End int     // minutes since midnight; End is 1 to 1440
}

// A Set is the windows of a host. The zero value is always open.
type Set struct {
	Windows []Window
	Zone    *time.Location
}

var (
	form  = regexp.MustCompile(`^(?:([A-Za-z,-]+) +)?([0-9]{2}):([0-9]{2}) *- *([0-9]{2}):([0-9]{2})$`)
	names = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// Parse reads a window: days and times, such as "Sat 02:00-04:00", "Mon-Fri 22:00-02:00",
// "Sat,Sun 00:00-24:00" or "03:00-05:00" for every day. The days are those on which it
// begins.
func Parse(text string) (Window, error) {
	var w Window
	m := form.FindStringSubmatch(text)
	if m == nil {
		return w, fmt.Errorf("%.60q is not a maintenance window: write days and times, such as Sat 02:00-04:00 or Mon-Fri 22:00-02:00", text)
	}
	var err error
	if w.Start, err = minutes(m[2], m[3]); err != nil || w.Start == 24*60 {
		return w, fmt.Errorf("%.60q: a window begins at 00:00 to 23:59", text)
	}
	if w.End, err = minutes(m[4], m[5]); err != nil {
		return w, fmt.Errorf("%.60q: a window ends at 00:00 to 24:00", text)
	}
	if w.End == 0 {
		w.End = 24 * 60
	}
	if w.Start == w.End {
		return w, fmt.Errorf("%.60q: a window begins and ends at different times; a whole day is 00:00-24:00", text)
	}
	if w.Days, err = days(m[1]); err != nil {
		return w, fmt.Errorf("%.60q: %w", text, err)
	}
	return w, nil
}

func minutes(hour, minute string) (int, error) {
	h, m := int(hour[0]-'0')*10+int(hour[1]-'0'), int(minute[0]-'0')*10+int(minute[1]-'0')
	if m > 59 || h*60+m > 24*60 {
		return 0, fmt.Errorf("%s:%s is not a time of day", hour, minute)
	}
	return h*60 + m, nil
}

// days reads Sat, Mon-Fri, Sat,Sun or nothing, which means every day.
func days(text string) (out [7]bool, err error) {
	if text == "" {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for part := range strings.SplitSeq(strings.ToLower(text), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(names, first), slices.Index(names, last)
		if from < 0 || to < 0 {
			return out, fmt.Errorf("%q is not a day or a range of days: write Mon, Tue, Wed, Thu, Fri, Sat, Sun or Mon-Fri", part)
		}
		for d := from; ; d = (d + 1) % 7 {
			out[d] = true
			if d == to {
				break
			}
		}
	}
	return out, nil
}

// ParseSet reads windows in a time zone; "" means UTC. "Local", which depends on who reads
// it, is an error.
func ParseSet(windows []string, zone string) (Set, error) {
	var s Set
	if len(windows) > MaxWindows {
		return s, fmt.Errorf("%d maintenance windows: at most %d are allowed", len(windows), MaxWindows)
	}
	for _, text := range windows {
		w, err := Parse(text)
		if err != nil {
			return Set{}, err
		}
		s.Windows = append(s.Windows, w)
	}
	var err error
	s.Zone, err = Zone(zone)
	return s, err
}

// Zone finds a time zone by its name in the IANA database, such as Europe/Berlin; "" means
// UTC.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%.60q is not the name of a time zone: write one such as Europe/Berlin or UTC", name)
	}
	return zone, nil
}

// Open reports whether a set allows maintenance at t. It goes by the clock on the wall, so
// an hour that is repeated at the end of summer time counts twice, and one that is left out
// doesn't occur.
func (s Set) Open(t time.Time) bool {
	if len(s.Windows) == 0 {
		return true
	}
	t = t.In(s.Zone)
	today, minute := int(t.Weekday()), t.Hour()*60+t.Minute()
	yesterday := (today + 6) % 7
	return slices.ContainsFunc(s.Windows, func(w Window) bool {
		if w.Start < w.End {
			return w.Days[today] && minute >= w.Start && minute < w.End
		}
		return w.Days[today] && minute >= w.Start || w.Days[yesterday] && minute < w.End
	})
}

// horizon bounds the search for the next opening: a window of an hour that summer time
// leaves out opens two weeks after the one before.
const horizon = 15 * 24 * 60

// Next is the next time, from t on, at which a set is open: t if it is open then. It is
// zero if the set doesn't open within 15 days.
func (s Set) Next(t time.Time) time.Time {
	if s.Open(t) {
		return t
	}
	at := t.Truncate(time.Minute)
	for range horizon {
		at = at.Add(time.Minute)
		if s.Open(at) {
			return at
		}
	}
	return time.Time{}
}

// Show writes a time as people read it, in the set's zone: Sat 5 Dec 02:00 CET.
func (s Set) Show(t time.Time) string {
	if s.Zone != nil {
		t = t.In(s.Zone)
	}
	return t.Format("Mon 2 Jan 15:04 MST")
}
