package provision

import (
	"maps"
	"time"
)

// KindAttempt is the kind of the event that begins an attempt: the script was sent over TCP,
// or the token of a script that was sent by TFTP came back over TCP. It takes a box that
// rebooted in the middle back to its script, or its kernel.
const KindAttempt = "attempt"

// KindProgress is the kind of an event with the progress of a stage.
const KindProgress = "progress"

// KindAttemptFailed is the kind of an event by which an installer gives an attempt up,
// and is about to boot from the network again.
const KindAttemptFailed = "attempt-failed"

// Failing returns an installer's event, which fails the install if the last attempt has
// failed. After an earlier attempt the box comes back for another. An attempt that has
// reported its end has not failed.
func (in Install) Failing(e Event) Event {
	if e.Kind == KindAttemptFailed && e.Stage == "" && in.Stage.Rank() < Installed.Rank() && in.Attempts >= in.Budget.Attempts {
		e.Stage, e.Level = Failed, LevelError
	}
	return e
}

// Advance applies an event to an install and returns the install after it; the
// one given is not changed. An event never takes an install backwards, except
// that a new attempt begins again at the script.
func (in Install) Advance(e Event) Install {
	if in.Stage.Ended() {
		return in
	}
	in.Reached = maps.Clone(in.Reached)
	if in.Reached == nil {
		in.Reached = make(map[Stage]time.Time)
	}
	at := e.counted()
	in.Offset = e.Time.Sub(at)
	if e.ByBox() && at.After(in.Heard) {
		in.Heard = at
	}
	if in.Stage == Installed && e.ofBox() {
		in.HeardSinceInstalled = true
	}
	if e.Kind == KindProgress {
		in.Progress = e.Message
	}
	if e.Stage == Addressed && !at.After(in.Expires) {
		in.Booted = at
	}
	switch {
	case e.Stage == "":
		return in
	case in.Job == NoJob && e.Stage == Done, in.Job != NoJob && e.Stage.Rank() > Installer.Rank():
		return in // an install can't end like a job, nor a job like an install
	case e.Stage == Failed || e.Stage == Cancelled || e.Stage == Done:
		in.Stage, in.Reason, in.Ended, in.Armed = e.Stage, e.Message, at, false
		in.Reached[e.Stage] = at
		return in
	case e.Kind == KindAttempt && in.Stage.Rank() > e.Stage.Rank():
		for s := range in.Reached {
			if s.Rank() >= Script.Rank() {
				delete(in.Reached, s)
			}
		}
	case e.Stage.Rank() <= in.Stage.Rank():
		return in
	}
	in.Stage, in.Progress = e.Stage, ""
	if in.Job == NoJob && e.Stage.Rank() >= Packages.Rank() {
		in.Written = true
	}
	in.Reached[e.Stage] = at
	if in.PoweredOn.IsZero() && e.Stage.Rank() >= Powered.Rank() {
		// Someone pressed the button: the box is on since it was first seen on the wire.
		in.PoweredOn = at
		in.Reached[Powered] = at
	}
	// Whichever report of the installer comes first: it has its answer file.
	if e.Stage.Rank() >= Installer.Rank() {
		in.TokenSpent = true
		if in.Job != NoJob {
			in.Armed = false // a job that has begun must not begin again, above all not a wipe
		}
	}
	switch e.Stage {
	case Installed:
		in.Armed = false
	case Converging:
		// The agent has shown its certificate: the token has done its work.
		in.Enrol, in.EnrolKey = "", ""
	case Serving:
		in.Ended, in.Armed = at, false
	}
	return in
}

// ofBox reports whether an event says that the box itself was heard, by something other
// than its installer: its firmware, a boot loader or the system on its disk.
func (e Event) ofBox() bool {
	switch e.Source {
	case "dhcp":
		return e.Kind == "ack" || e.Kind == "observed"
	case "http":
		return e.Kind == "fetch"
	case "tftp", "agent":
		return true
	}
	return false
}
