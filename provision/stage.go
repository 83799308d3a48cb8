// Package provision is the domain: a host's stages from bare box to serving, the
// events that report them, and the next steps that are allowed. It does no I/O.
package provision

// A Stage is where an install is.
type Stage string

// The stages of an install, in the order of the journey, and its three ends.
const (
	Requested  Stage = "requested"  // armed, nothing seen of the box yet
	Powered    Stage = "powered"    // the BMC says it is on, or it was seen on the wire
	Addressed  Stage = "addressed"  // it has its lease
	Bootfile   Stage = "bootfile"   // firmware fetched the boot program
	Script     Stage = "script"     // the boot program fetched its script
	Kernel     Stage = "kernel"     // kernel and initrd fetched
	Installer  Stage = "installer"  // the installer runs and has its answer file
	Packages   Stage = "packages"   // the system is being written
	Installed  Stage = "installed"  // the installer is done; next boot is from disk
	Booted     Stage = "booted"     // the installed system is up
	Enrolled   Stage = "enrolled"   // the agent has its certificate
	Converging Stage = "converging" // the agent has its catalog
	Converged  Stage = "converged"  // the agent reports that everything holds
	Serving    Stage = "serving"    // the role's checks pass from outside

	Failed    Stage = "failed"
	Cancelled Stage = "cancelled"

	// Done is the end of a job: a rescue, a wipe, a burn-in.
	Done Stage = "done"
)

// Stages returns the journey in order, without failed, cancelled and done.
func Stages() []Stage {
	return []Stage{
		Requested, Powered, Addressed, Bootfile, Script, Kernel, Installer,
		Packages, Installed, Booted, Enrolled, Converging, Converged, Serving,
	}
}

// Rank is the stage's place in the journey, from 0; -1 for failed, cancelled, done and
// unknown stages.
func (s Stage) Rank() int {
	for i, x := range Stages() {
		if x == s {
			return i
		}
	}
	return -1
}

// Ended reports whether an install in this stage is over.
func (s Stage) Ended() bool { return s == Serving || s == Failed || s == Cancelled || s == Done }

// Known reports whether s is a stage at all.
func (s Stage) Known() bool { return s.Rank() >= 0 || s == Failed || s == Cancelled || s == Done }
