package provision

import (
	"fmt"
	"time"
)

// bootTime is how long after its REQUEST a box may ask for its script. Firmware on a
// slow link takes a minute or two.
const bootTime = 10 * time.Minute

// MayHaveScript decides whether a box that asks for the script of this install can be the
// one that is booting. booted is the counted time of the latest REQUEST by a boot program of
// the box, zero for none. waits: the box got the answer to ask again, and does. refused is
// the reason for a refusal, or "". warn is a warning for the operator, which goes with the
// script.
//
// While its installer reports, the box doesn't boot. So after a report, only a later REQUEST
// shows that the box has restarted.
func (in Install) MayHaveScript(booted, now time.Time, waits bool) (refused, warn string) {
	switch age := now.Sub(booted); {
	case booted.IsZero():
		return "no DHCP REQUEST of a network boot was heard of it", ""
	case age > bootTime && !waits:
		return fmt.Sprintf("its latest network boot was heard %s ago", Span(age.Round(time.Minute))), ""
	case in.Stage.Rank() < Installer.Rank():
		return "", ""
	}
	spoke := in.InstallerHeard
	for _, s := range []Stage{Installer, Packages} {
		if at := in.Reached[s]; at.After(spoke) {
			spoke = at
		}
	}
	if !booted.After(spoke) {
		return fmt.Sprintf("its installer was heard after its latest network boot, at %s", in.Stage), ""
	}
	if !in.GaveUp {
		warn = fmt.Sprintf("the box boots from the network again in the middle of its install, at %s, %s after its installer was heard last", in.Stage, Span(booted.Sub(spoke)))
	}
	return "", warn
}
