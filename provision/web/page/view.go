package page

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"rackhand/provision"
)

// A hostView is a host as the templates show it.
type hostView struct {
	provision.HostStatus
	Tone     tone
	Stage    string // the word beside the bar
	Detail   string // one line below it: progress, reason
	Place    string // "stage 8 of 14", for the bar's label
	Segments []string
	Clock    *stopwatch
	Last     *eventView
	LastSeen *moment
	Job      *jobView // the latest rescue, wipe or burn-in, or nil
	Notes    []string // short texts about its agent that need attention
	Report   *runView // its agent's last run, or nil
}

// A stopwatch is the time since power-on against the budget.
type stopwatch struct {
	Text    string
	Since   *moment // set while it runs
	Budget  string  // "15:00", or empty without a budget
	Seconds int64   // of the budget
	Over    bool
}

// ID is the row's id in the document; the script finds it by the name.
func (h hostView) ID() string { return "host-" + h.Host }

// Path is the path of the host's own page.
func (h hostView) Path() string { return hostPath(h.Host) }

func hostPath(name string) string { return "/host/" + url.PathEscape(name) }

// An eventView is an event as the templates show it.
type eventView struct {
	Seq     uint64
	At      *moment
	Source  string
	Kind    string
	Stage   provision.Stage
	Level   string // "", "warning" or "error"
	Message string
	Fields  []field
}

type field struct{ Name, Value string }

// viewHost makes the view of a host's status at now.
func viewHost(hs provision.HostStatus, now time.Time) hostView {
	in := hs.Install
	v := hostView{
		HostStatus: hs,
		Tone:       toneOf(in),
		Segments:   segments(in),
		LastSeen:   at(hs.LastSeen, now),
	}
	if hs.Last != nil {
		e := viewEvent(*hs.Last, now)
		e.Message = cut(e.Message, 160)
		v.Last = &e
	}
	v.Job = viewJob(hs, now)
	v.Report = viewRun(hs.Run, now)
	for _, n := range hs.Notes(now) {
		v.Notes = append(v.Notes, cut(n, 240))
	}
	if in == nil {
		v.Stage = "not installed"
		v.Detail = v.Job.detail()
		return v
	}
	v.Stage = string(in.Stage)
	v.Clock = newStopwatch(in, now)
	if top := furthest(in); top >= 0 {
		v.Place = fmt.Sprintf("stage %d of %d", top+1, len(provision.Stages()))
		if v.Tone == toneFailed || v.Tone == toneCancelled {
			v.Stage += " in " + string(provision.Stages()[top])
		}
	}
	switch v.Tone {
	case toneFailed, toneCancelled:
		v.Detail = cut(in.Reason, 300)
	case toneWaiting:
		v.Detail = "waiting for power-on"
		if !in.Armed {
			v.Detail = "not armed"
		}
	case toneRunning:
		v.Detail = cut(in.Progress, 120)
		if in.Doubt != "" {
			v.Detail = cut("a question: is it installed? "+in.Doubt, 300)
		}
	}
	if in.UnderWay() && in.Held != nil {
		v.Detail = cut(fmt.Sprintf("waits for `rackhand release %s`: is it the box with %s?", in.Host, in.Held), 300)
	}
	if text := v.Job.detail(); text != "" {
		v.Detail = text
	}
	return v
}

func newStopwatch(in *provision.Install, now time.Time) *stopwatch {
	if in.PoweredOn.IsZero() {
		return nil
	}
	s := &stopwatch{Seconds: int64(in.Budget.Time / time.Second)}
	end := in.Ended
	if end.IsZero() && !in.Stage.Ended() {
		end = now
		s.Since = at(in.PoweredOn, now)
	}
	if end.IsZero() {
		return nil
	}
	s.Text = clockText(end.Sub(in.PoweredOn))
	if in.Budget.Time > 0 {
		s.Budget = clockText(in.Budget.Time)
		s.Over = end.Sub(in.PoweredOn) > in.Budget.Time
	}
	return s
}

func viewEvent(e provision.Event, now time.Time) eventView {
	const maxFields = 24 // an event of ours has few
	v := eventView{
		Seq:     e.Seq,
		At:      at(e.Time, now),
		Source:  cut(e.Source, 40),
		Kind:    cut(e.Kind, 40),
		Stage:   e.Stage,
		Message: cut(e.Message, 1000),
	}
	switch e.Level {
	case provision.LevelWarn:
		v.Level = "warning"
	case provision.LevelError:
		v.Level = "error"
	}
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		if len(v.Fields) == maxFields {
			break
		}
		v.Fields = append(v.Fields, field{cut(name, 40), cut(e.Fields[name], 200)})
	}
	return v
}

// A tally counts the hosts by their state.
type tally struct{ Serving, Running, Waiting, Failed, Cancelled, Idle, Unclaimed int }

func count(hosts []hostView) tally {
	var c tally
	for _, h := range hosts {
		switch {
		case h.Unclaimed:
			c.Unclaimed++
		case h.Tone == toneServing:
			c.Serving++
		case h.Tone == toneRunning:
			c.Running++
		case h.Tone == toneWaiting:
			c.Waiting++
		case h.Tone == toneFailed:
			c.Failed++
		case h.Tone == toneCancelled:
			c.Cancelled++
		default:
			c.Idle++
		}
	}
	return c
}

// naturally compares names in natural order: web2 before web10.
func naturally(a, b string) int {
	for a != "" && b != "" {
		na, ra := leadingDigits(a)
		nb, rb := leadingDigits(b)
		if na != "" && nb != "" {
			if len(na) != len(nb) {
				return len(na) - len(nb)
			}
			if na != nb {
				return compare(na, nb)
			}
			a, b = ra, rb
			continue
		}
		if a[0] != b[0] {
			return compare(a[:1], b[:1])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// leadingDigits splits off a number, without its leading zeros.
func leadingDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	digits = s[:i]
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits, s[i:]
}
