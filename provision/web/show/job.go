package show

import (
	"fmt"
	"io"
	"time"

	"rackhand/provision"
	"rackhand/provision/terminal"
)

// standing is the state of a host that differs from its install's: a job under way, or empty
// disks after a wipe. It also returns since when.
func standing(h provision.HostStatus) (text string, since time.Time) {
	switch {
	case h.Job.UnderWay():
		return h.Job.Noun() + ": " + string(h.Job.Stage), h.Job.Since()
	case provision.Wiped(h.Install, h.Job):
		return "wiped", h.Job.Since()
	}
	return "", time.Time{}
}

// Job writes a rescue, wipe or burn-in: its kind, its state and its details.
func Job(out io.Writer, in provision.Install) error {
	w := &terminal.Table{}
	row := func(name, format string, args ...any) {
		w.Add(name, OneLine(fmt.Sprintf(format, args...), 2000))
	}
	row(in.Noun(), "%s", in.ID)
	row("stage", "%s", in.Stage)
	row("asked for", "%s", in.Requested.Local().Format(time.DateTime))
	if at, ok := in.Reached[provision.Installer]; ok {
		row("began", "%s", at.Local().Format(time.DateTime))
	}
	if !in.Ended.IsZero() {
		row("ended", "%s", in.Ended.Local().Format(time.DateTime))
	}
	for _, d := range in.Order.Disks {
		row("disk", "%s", d)
	}
	if n := in.Order.Minutes; n > 0 {
		row("minutes", "%d", n)
	}
	if in.Reason != "" {
		row("said", "%s", in.Reason)
	} else if in.Progress != "" {
		row("progress", "%s", in.Progress)
	}
	return w.Write(out)
}
