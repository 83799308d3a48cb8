package page

import (
	"time"

	"rackhand/provision"
)

// A jobView is a host's latest rescue, wipe or burn-in.
type jobView struct {
	provision.Install
	What  string // rescue, wipe, burn-in
	Since *moment
	Said  string // its last progress
	Now   bool   // it is under way
	Wiped bool   // the disks are empty since
}

func viewJob(hs provision.HostStatus, now time.Time) *jobView {
	if hs.Job == nil {
		return nil
	}
	v := jobView{
		Install: *hs.Job, What: hs.Job.Noun(), Since: at(hs.Job.Since(), now),
		Now: hs.Job.UnderWay(), Wiped: provision.Wiped(hs.Install, hs.Job),
	}
	if v.Said = cut(v.Reason, 1000); v.Now {
		v.Said = cut(v.Progress, 300)
	}
	return &v
}

// detail is the line below a host's bar: the job that is under way, or that the installed
// system was wiped; "" for neither.
func (v *jobView) detail() string {
	switch {
	case v == nil:
		return ""
	case v.Now:
		text := v.What + " since " + v.Since.Text + ", at " + string(v.Stage)
		if v.Said != "" {
			text += ": " + cut(v.Said, 120)
		}
		return text
	case v.Wiped && v.Stage == provision.Done:
		return "its disks were erased at " + v.Since.Text
	case v.Wiped:
		return "a wipe of its disks began at " + v.Since.Text + " and did not end well"
	}
	return ""
}
