// Package crontab checks the times at which cron starts a job, as crontab(5) has them.
package crontab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A field is one of the five times of a schedule.
type field struct {
	name      string
	low, high int
	words     []string // for low, low+1 and so on
}

var fields = []field{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"weekday", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// nicknames stand for all five fields.
var nicknames = []string{"@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// Check checks a schedule (crontab(5)): five fields with one blank between them, or a
// word such as @daily.
func Check(schedule string) error {
	if strings.HasPrefix(schedule, "@") {
		if !slices.Contains(nicknames, schedule) {
			return fmt.Errorf("schedule %.40q: use one of %s", schedule, strings.Join(nicknames, ", "))
		}
		return nil
	}
	parts := strings.Split(schedule, " ")
	if len(parts) != len(fields) || len(schedule) > 500 {
		return fmt.Errorf("schedule %.80q: write five fields with a blank between them, minute hour day month weekday, or a word such as @daily", schedule)
	}
	for i, f := range fields {
		if err := f.check(parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// CheckField checks one time of a schedule by its name: minute, hour, day, month, weekday.
func CheckField(name string) func(text string) error {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	return fields[i].check
}

// check checks a list of numbers, names and ranges, with steps: 1,5-10/2,*/15.
func (f field) check(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(item, "/")
		low, high, ranged := strings.Cut(span, "-")
		switch {
		case span == "*":
		case ranged:
			from, err := f.number(low)
			if err != nil {
				return err
			}
			to, err := f.number(high)
			if err != nil {
				return err
			}
			if from > to {
				return fmt.Errorf("%s %.40q: the range goes backwards, and cron refuses it", f.name, item)
			}
		default:
			if _, err := f.number(span); err != nil {
				return err
			}
			if stepped {
				return fmt.Errorf("%s %.40q: a step goes with * or a range: */%s, %s-%d/%[3]s", f.name, item, step, span, f.high)
			}
		}
		if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1 || n > f.high || step[0] == '+') {
			return fmt.Errorf("%s %.40q: the step has to be a number from 1 to %d", f.name, item, f.high)
		}
	}
	return nil
}

func (f field) number(text string) (int, error) {
	if i := slices.Index(f.words, strings.ToLower(text)); i >= 0 {
		return f.low + i, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || len(text) > 2 || int(n) < f.low || int(n) > f.high {
		names := ""
		if f.words != nil {
			names = fmt.Sprintf(", or a name such as %s", f.words[1])
		}
		return 0, fmt.Errorf("%s %.40q: use *, or numbers from %d to %d%s", f.name, text, f.low, f.high, names)
	}
	return int(n), nil
}
