package provision

import (
	"fmt"
	"time"
)

// KindPacked is the kind of the event by which an installer reports that all packages of
// its attempt are installed. The rest is quick, and the system would boot without it.
const KindPacked = "packages-through"

// KindQuestion is the kind of the event that asks the operator whether a box whose
// install may be finished should be reinstalled.
const KindQuestion = "question"

// AfterReport returns the install after an event of its installer, which has sent its token,
// at a counted time and a time of the machine's clock. An installer that reports still runs,
// which answers a question to the operator. A line of its log proves less, since the
// installed system logs to the same place.
func (in Install) AfterReport(e Event, counted, wall time.Time) Install {
	in.InstallerHeard, in.InstallerHeardWall, in.Unheard, in.Doubt = counted, wall, false, ""
	switch e.Kind {
	case KindPacked:
		in.Packed = true
	case KindAttemptFailed:
		in.GaveUp = true
	case KindDisksBlank:
		in.Blank = DiskIDs(e.Message)
	}
	return in
}

// WithoutReports returns the install at the beginning of an attempt, without the reports of
// the attempt before.
func (in Install) WithoutReports() Install {
	in.Packed, in.GaveUp, in.Unheard, in.Doubt, in.Held = false, false, false, "", nil
	return in
}

// MayBeFinished reports whether a box that asks for its installer once more may be installed
// already, and why, in words. Reports can be lost, so an install without a reported end may
// have ended. Such a box doesn't get the installer again before the operator has answered.
// It boots its own disk. If a system of this install is there, its agent answers by
// enrolling.
//
// If the installer has reported a failure of this attempt, the box comes for the next one.
func (in Install) MayBeFinished() (why string, may bool) {
	switch {
	case in.Job != NoJob, in.Stage.Ended(), in.Stage.Rank() >= Installed.Rank():
		return "", false
	case in.Doubt != "":
		return in.Doubt, true
	case in.GaveUp, in.Stage.Rank() < Installer.Rank():
		return "", false
	case in.Packed:
		return "its packages were through, and its installer has reported neither its end nor a failure", true
	case in.Unheard:
		return fmt.Sprintf("the appliance was restarted after its installer was heard last, at %s, so a report may have been lost", in.Stage), true
	}
	return "", false
}

// Question returns the event that asks whether a box should be reinstalled. why is the reason
// of MayBeFinished.
func (in Install) Question(why string) Event {
	return Event{
		Source: "appliance", Kind: KindQuestion, Level: LevelError,
		Message: fmt.Sprintf("%s boots from the network again and may be installed already: %s. It boots its own disk, and the install continues if its agent enrols. If there is no system on its disk, `rackhand install %s --wipe` reinstalls it and erases its disks. `rackhand cancel %s` keeps it unchanged",
			in.Host, why, in.Host, in.Host),
	}
}

// MayEnrol reports whether an agent with this install's enrolment token can run on the
// system that the install wrote. Either its installer has reported its end, or it has reached
// the packages, as far as is known, and reported no failure. The token reaches the disk in
// %post, so a system that has it was installed, even if reports were lost.
func (in Install) MayEnrol() bool {
	wrote := in.Stage == Packages || in.Stage == Installer && (in.Packed || in.Unheard || in.Doubt != "")
	return in.Stage.Rank() >= Installed.Rank() || wrote && !in.GaveUp
}
