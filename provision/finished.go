package provision

import (
	"fmt"
	"time"
)

// KindPacked is the kind of the event by which an installer says that the packages of
// its attempt are all installed. What comes after is quick, and leaves a system that boots.
const KindPacked = "packages-through"

// KindQuestion is the kind of the event that asks the operator whether a box whose
// install may be finished is to be installed anew.
const KindQuestion = "question"

// AfterReport is the install after this event of its installer, which holds its token, at a
// counted time and one of the machine's. An installer that reports still runs, so a question
// to the operator is answered. Its log proves less: the installed system writes to the same
// place.
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

// WithoutReports is the install at the beginning of an attempt: reports of the attempt
// before count no more.
func (in Install) WithoutReports() Install {
	in.Packed, in.GaveUp, in.Unheard, in.Doubt, in.Held = false, false, false, "", nil
	return in
}

// MayBeFinished reports whether a box that asks for its installer once more may have
// been installed already, and in words why. Reports can be lost: that no end was
// reported doesn't show that there was none. Such a box is not handed the installer
// again before the operator has answered; it boots its own disk, and when a system of
// this install is there, its agent answers by enrolling.
//
// An installer that has reported a failure of this attempt is believed: the box is back
// for the next one.
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

// Question is the event that asks whether a box is to be installed anew; why is what
// MayBeFinished says.
func (in Install) Question(why string) Event {
	return Event{
		Source: "appliance", Kind: KindQuestion, Level: LevelError,
		Message: fmt.Sprintf("%s boots from the network again and may be installed already: %s. It boots its own disk, and the install continues if its agent enrols. If there is no system on its disk, `rackhand install %s --wipe` reinstalls it and erases its disks. `rackhand cancel %s` keeps it unchanged",
			in.Host, why, in.Host, in.Host),
	}
}

// MayEnrol reports whether an agent that holds this install's enrolment token is
// believed to run on the system that the install wrote: its installer has reported its
// end, or it has come as far as the packages, as far as is known, and reported no failure.
// The token reaches the disk in %post, so a system that presents it was installed,
// whatever reports of it were lost.
func (in Install) MayEnrol() bool {
	wrote := in.Stage == Packages || in.Stage == Installer && (in.Packed || in.Unheard || in.Doubt != "")
	return in.Stage.Rank() >= Installed.Rank() || wrote && !in.GaveUp
}
