package systemd

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A Health is how a unit does.
type Health int

// The states of a unit.
const (
	Stopped  Health = iota // it doesn't run, and systemd doesn't expect it to
	Starting               // it is on its way up or down: look again
	Healthy                // it does what its kind of unit is for
	Failed                 // it should run and doesn't, or did what it is for in vain
)

// Health judges one unit, with a reason unless it is healthy. A unit that keeps restarting
// shows only in two observations: see [Unit.Restarted].
func (u Unit) Health() (h Health, why string) {
	switch u.LoadState {
	case "not-found":
		return Stopped, "there is no such unit"
	case "masked":
		return Stopped, "it is masked"
	case "error", "bad-setting":
		return Failed, "systemd can't read its unit file: see systemctl status " + u.ID
	}
	switch u.ActiveState {
	case "active":
		return u.active()
	case "reloading", "refreshing":
		return Healthy, ""
	case "failed":
		return Failed, u.ended()
	case "activating":
		if strings.HasPrefix(u.SubState, "auto-restart") {
			return Failed, "it keeps ending (" + u.ended() + ") and systemd restarts it"
		}
		return Starting, "it is still starting (" + u.SubState + ")"
	case "inactive":
		return u.inactive()
	}
	return Starting, "it is " + u.ActiveState + " (" + u.SubState + ")"
}

func (u Unit) active() (Health, string) {
	if u.SubState != "exited" {
		return Healthy, ""
	}
	// A service whose processes are gone and that still counts as active
	// (RemainAfterExit=, systemd.service(5)): right for a oneshot, and for others if
	// there never was a process to watch, as with some scripts of /etc/init.d.
	switch {
	case u.Result != "success" && u.Result != "":
		return Failed, u.ended()
	case u.Type == "forking" && u.ExecMainPID != 0:
		return Failed, fmt.Sprintf("its main process %d is gone (%s)", u.ExecMainPID, u.ended())
	}
	return Healthy, ""
}

func (u Unit) inactive() (Health, string) {
	switch {
	case u.Type == "oneshot" && u.Started > 0 && u.Result == "success":
		return Healthy, "" // it ran to its end
	case u.Type == "oneshot" && u.Started > 0:
		return Failed, u.ended()
	case u.Conditions > 0 && u.ConditionResult == "no":
		return Stopped, "a condition of the unit (Condition…=) isn't met"
	}
	return Stopped, "it is inactive"
}

// ended says how the last main process ended.
func (u Unit) ended() string {
	switch {
	case u.Result == "start-limit-hit":
		return "it ended so often that systemd gave up"
	case u.Result == "timeout":
		return "it didn't start or stop in its time"
	case u.ExecMainCode == cldExited && u.ExecMainStatus != 0:
		return fmt.Sprintf("exit status %d", u.ExecMainStatus)
	case u.ExecMainCode == cldKilled || u.ExecMainCode == cldDumped:
		return "killed by " + unix.SignalName(unix.Signal(u.ExecMainStatus))
	case u.Result == "success" || u.Result == "":
		return "its process ended"
	}
	return u.Result
}

// The codes of waitid(2).
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// Behind judges a timer, socket or path by a unit that it starts: one that failed makes
// the whole failed, however well the timer ticks.
func (u Unit) Behind(behind Unit) (h Health, why string) {
	if behind.ActiveState == "failed" || strings.HasPrefix(behind.SubState, "auto-restart") {
		_, why := behind.Health()
		return Failed, behind.ID + ", which it starts, failed: " + why
	}
	return u.Health()
}

// Activates reports whether a unit is one that starts others, and the unit that it
// starts unless it says otherwise (systemd.timer(5), systemd.socket(5), systemd.path(5)).
func Activates(name string) (behind string, ok bool) {
	for _, suffix := range []string{".timer", ".socket", ".path"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			return base + ".service", true
		}
	}
	return "", false
}

// Restarted reports whether systemd has restarted a unit (Restart=) since it was looked at
// before, when it had been restarted so many times.
func (u Unit) Restarted(before int) (why string, yes bool) {
	if u.Restarts <= before {
		return "", false
	}
	return fmt.Sprintf("it ended and systemd restarted it, %d times by now (last: %s)", u.Restarts, u.ended()), true
}
