package page

import "rackhand/provision"

// meaning describes a stage in a few words.
func meaning(s provision.Stage) string {
	switch s {
	case provision.Requested:
		return "armed; nothing seen of the box yet"
	case provision.Powered:
		return "the box is on"
	case provision.Addressed:
		return "it has its lease"
	case provision.Bootfile:
		return "firmware fetched the boot program"
	case provision.Script:
		return "the boot program fetched its script"
	case provision.Kernel:
		return "kernel and initrd fetched"
	case provision.Installer:
		return "the installer runs and has its answer file"
	case provision.Packages:
		return "the system is being written to disk"
	case provision.Installed:
		return "the installer is done; next boot is from disk"
	case provision.Booted:
		return "the installed system is up"
	case provision.Enrolled:
		return "the agent has its certificate"
	case provision.Converging:
		return "the agent applies its catalog"
	case provision.Converged:
		return "the agent reports that everything holds"
	case provision.Serving:
		return "the role's checks pass"
	}
	return ""
}

// A tone is the state of a host, as a class of the style sheet.
type tone string

const (
	toneIdle      tone = "idle"      // no install
	toneWaiting   tone = "waiting"   // armed, not powered on
	toneRunning   tone = "running"   // under way
	toneServing   tone = "serving"   // arrived
	toneFailed    tone = "failed"    //
	toneCancelled tone = "cancelled" //
)

func toneOf(in *provision.Install) tone {
	if in == nil {
		return toneIdle
	}
	switch in.Stage {
	case provision.Serving:
		return toneServing
	case provision.Failed:
		return toneFailed
	case provision.Cancelled:
		return toneCancelled
	case provision.Requested:
		return toneWaiting
	}
	return toneRunning
}

// furthest is how far an install came: its stage, or for one that failed or was
// cancelled the last stage that it reached; -1 if it reached none.
func furthest(in *provision.Install) int {
	rank := in.Stage.Rank()
	for s := range in.Reached {
		rank = max(rank, s.Rank())
	}
	return rank
}

// segments are the states of the 14 parts of the progress bar: done, missed
// (gone past without being seen), now, failed, or "" for what is to come.
func segments(in *provision.Install) []string {
	stages := provision.Stages()
	segs := make([]string, len(stages))
	if in == nil {
		return segs
	}
	top := furthest(in)
	for i, s := range stages {
		_, seen := in.Reached[s]
		switch {
		case i > top:
		case i == top && in.Stage == provision.Failed:
			segs[i] = "stopped"
		case i == top && !in.Stage.Ended():
			segs[i] = "now"
		case seen || i == top:
			segs[i] = "done"
		default:
			segs[i] = "missed"
		}
	}
	return segs
}
