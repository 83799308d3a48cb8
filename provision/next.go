package provision

import "time"

// An Action is something that the appliance does for an install.
type Action string

// The actions.
const (
	// DoPowerOn sets a one-shot network boot and powers the box on, or cycles it.
	DoPowerOn Action = "power-on"
	// DoBootDisk sets the boot device to disk, now that a system is on it.
	DoBootDisk Action = "boot-disk"
	// DoCheck runs the role's checks from outside.
	DoCheck Action = "check"
	// DoExpire ends an install whose box never came.
	DoExpire Action = "expire"
	// DoGiveUp ends an install of which nothing was heard for a long time.
	DoGiveUp Action = "give-up"
	// DoLate tells the operator that the time budget has passed.
	DoLate Action = "late"
	// DoRevive power-cycles a box that was installed and did not come up.
	DoRevive Action = "revive"
)

// Next returns the actions that an install needs now. It is called after every event and
// every second, also after a restart of the appliance. So an action that was begun and not
// recorded as done comes again.
func Next(in Install, now time.Time) []Action {
	if in.Stage.Ended() {
		return nil
	}
	var do []Action
	// A datagram that says that the box is on may be forged, but a TCP connection proves it.
	if in.Power == PowerWanted && in.Attempts == 0 && in.Stage.Rank() < Installer.Rank() {
		do = append(do, DoPowerOn)
	}
	if in.Armed && in.Stage.Rank() < Installer.Rank() && now.After(in.Expires) && !in.Begun(now) {
		do = append(do, DoExpire)
	}
	// A question to the operator has no time limit.
	if in.Doubt == "" && in.Stage.Rank() >= Installer.Rank() && in.Stage.Rank() < Converged.Rank() && !in.Heard.IsZero() && now.Sub(in.Heard) > Silence {
		do = append(do, DoGiveUp)
	}
	if in.Stage.Rank() >= Installed.Rank() && !in.DiskSet {
		do = append(do, DoBootDisk)
	}
	if in.Stage == Converged {
		do = append(do, DoCheck)
	}
	if !in.Late && in.Overdue(now) {
		do = append(do, DoLate)
	}
	if in.Stage == Installed && in.DiskSet && !in.Revived && now.Sub(in.Heard) > in.reviveAfter() {
		do = append(do, DoRevive)
	}
	return do
}

// ListeningSince returns the install with its silence counted from began at the earliest. A
// box may have reported while the appliance was off.
func (in Install) ListeningSince(began time.Time) Install {
	if !in.Heard.IsZero() && in.Heard.Before(began) {
		in.Heard = began
	}
	return in
}

// reviveTime is how long a box may be silent after its installer was done. A server
// sometimes hangs at a warm reset, and a cold start helps. The slowest need minutes from the
// reset to their disk. A box is power-cycled for it only once.
const reviveTime = 6 * time.Minute

// reviveAfter is how long this box may be silent after its installer was done: twice as long
// as its firmware took from power-on to its address, if that is more than usual.
func (in Install) reviveAfter() time.Duration {
	addressed, ok := in.Reached[Addressed]
	if !ok || in.PoweredOn.IsZero() {
		return reviveTime
	}
	return max(reviveTime, 2*addressed.Sub(in.PoweredOn))
}

// Overdue reports whether the time budget has passed.
func (in Install) Overdue(now time.Time) bool {
	return !in.PoweredOn.IsZero() && in.Budget.Time > 0 && now.Sub(in.PoweredOn) > in.Budget.Time
}

// Silence is how long a running installer, or a new system, may be silent before its install
// is given up.
const Silence = 2 * time.Hour

// chainTime is how long after its lease a network boot may still be on its
// way. Firmware on a slow link takes a minute or two. A box that comes back later has been
// power-cycled and starts a new boot.
const chainTime = 10 * time.Minute

// Begun reports whether a network boot that began before the install expired is still on its
// way to the installer. An expiry in between must not stop that box, nor one that waits for
// the operator.
func (in Install) Begun(now time.Time) bool {
	if in.Held != nil && in.Stage.Rank() < Installer.Rank() {
		return true
	}
	if in.Stage.Rank() < Addressed.Rank() || in.Stage.Rank() >= Installer.Rank() {
		return false
	}
	at := in.Booted
	if at.IsZero() { // recorded by a version without Booted
		at = in.Reached[Addressed]
	}
	return !at.IsZero() && !at.After(in.Expires) && now.Sub(at) <= chainTime
}

// Spent reports whether the box can't get the installer of an install under way again, so
// that the install fails when the box asks for it once more. A job fails when its box boots
// again in the middle of it, since a job is begun only once.
func (in Install) Spent(now time.Time) (bool, string) {
	if in.Job != NoJob && in.Stage == Installer {
		return true, "it rebooted before its " + in.Noun() + " had ended"
	}
	if _, finished := in.MayBeFinished(); finished {
		return false, "" // a question to the operator, not a failure
	}
	may, why := in.MayHandOut(now)
	return !may && in.Armed && !in.Stage.Ended(), why
}

// MayHandOut reports whether the box may get the installer once more, and if not, why.
func (in Install) MayHandOut(now time.Time) (bool, string) {
	doubt, finished := in.MayBeFinished()
	switch {
	case in.Stage.Ended():
		return false, "the " + in.Noun() + " is over (" + string(in.Stage) + ")"
	case !in.Armed:
		return false, "no " + in.Noun() + " is armed"
	case finished:
		return false, "it may be installed already: " + doubt
	case now.After(in.Expires) && !in.Begun(now):
		return false, "the arming has expired"
	case in.Attempts >= in.Budget.Attempts:
		return false, "its attempts are spent"
	}
	return true, ""
}
