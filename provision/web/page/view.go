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
	Progress string // "stage 8 of 14", for the bar's label
	Segments []string
	Clock    *stopwatch
	Last     *eventView
	LastSeen *moment
	Job      *jobView // the latest rescue, wipe or burn-in, or nil
	Notes    []string // short texts about its agent that need attention
	Report   *runView // its agent's last run, or nil
	// StuckSince is when it stopped; nil: it isn't stuck.
	StuckSince *moment
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
func (v hostView) ID() string { return idOf(v.Host) }

func idOf(host string) string { return "host-" + host }

// Path is the path of the host's own page.
func (v hostView) Path() string { return hostPath(v.Host) }

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
	v := hostView{
		HostStatus: hs,
		Tone:       toneOf(hs.Standing(now)),
		Segments:   segments(hs.Install),
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
	if hs.Stuck != nil {
		v.StuckSince = at(hs.Stuck.Since, now)
	}
	v.viewInstall(now)
	if v.Job != nil && v.Job.Now {
		v.Stage = v.Job.What
		if v.Tone == toneStuck {
			v.Stage += " stuck in " + string(v.boxAt(v.HostStatus.Job))
		}
	}
	if provision.Wiped(hs.Install, hs.Job) && !hs.Job.UnderWay() {
		v.Stage = "wiped"
	}
	if text := v.Job.detail(); text != "" {
		v.Detail = text
	}
	return v
}

// viewInstall adds the view of the latest install.
func (v *hostView) viewInstall(now time.Time) {
	in := v.Install
	switch {
	case v.Unclaimed:
		v.Stage = "unclaimed"
		return
	case in == nil:
		v.Stage = "not installed"
		return
	}
	v.Clock = newStopwatch(in, now)
	stage := v.boxAt(in)
	v.Stage = string(stage)
	top := stage.Rank()
	if in.Stage.Ended() {
		top = in.Furthest().Rank()
	}
	if top >= 0 {
		v.Progress = fmt.Sprintf("stage %d of %d", top+1, len(provision.Stages()))
		v.Segments = segmentsUpTo(in, top)
	}
	switch {
	case in.Stage == provision.Failed, in.Stage == provision.Cancelled:
		if top >= 0 {
			v.Stage += " in " + string(provision.Stages()[top])
		}
		v.Detail = cut(in.Reason, 300)
		return
	case in.Stage == provision.Serving:
		return
	case v.Tone == toneStuck:
		v.Stage = "stuck in " + v.Stage
	case in.Stage == provision.Requested:
		v.Detail = "waiting for power-on"
		if !in.Armed {
			v.Detail = "not armed"
		}
	}
	if in.Progress != "" {
		v.Detail = cut(in.Progress, 120)
	}
	if stage != in.Stage {
		v.Detail = "it booted again, and was in " + string(in.Stage) + " before"
	}
	if in.Doubt != "" {
		v.Detail = cut("a question: is it installed? "+in.Doubt, 300)
	}
	if in.Held != nil {
		v.Detail = cut(fmt.Sprintf("waits for `rackhand release %s`: is it the box with %s?", in.Host, in.Held), 300)
	}
}

// boxAt is the stage that the box of an install or job is in.
func (v *hostView) boxAt(in *provision.Install) provision.Stage {
	if v.Place != "" && in.UnderWay() {
		return v.Place
	}
	return in.Stage
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
