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

// A tone is how a host stands, as a class of the style sheet.
type tone string

const (
	toneFailed    tone = "failed"
	toneStuck     tone = "stuck"
	toneOver      tone = "over"      // it takes longer than its budget
	toneLook      tone = "look"      // its agent failed, or is silent
	toneUnclaimed tone = "unclaimed" // in no inventory
	toneRunning   tone = "running"   // under way
	toneWaiting   tone = "waiting"   // armed, not powered on
	toneIdle      tone = "idle"      // no install
	toneCancelled tone = "cancelled"
	toneServing   tone = "serving" // arrived
)

func toneOf(s provision.Standing) tone {
	switch s {
	case provision.StandsFailed:
		return toneFailed
	case provision.StandsStuck:
		return toneStuck
	case provision.StandsOver:
		return toneOver
	case provision.StandsNeedsLook:
		return toneLook
	case provision.StandsUnclaimed:
		return toneUnclaimed
	case provision.StandsWaiting:
		return toneWaiting
	case provision.StandsIdle:
		return toneIdle
	case provision.StandsCancelled:
		return toneCancelled
	case provision.StandsServing:
		return toneServing
	}
	return toneRunning
}

// segments are the states of the 14 parts of the progress bar: done, missed
// (gone past without being seen), now, failed, or "" for what is to come.
func segments(in *provision.Install) []string {
	if in == nil {
		return make([]string, len(provision.Stages()))
	}
	return segmentsUpTo(in, in.Furthest().Rank())
}

// segmentsUpTo are the segments of an install whose box is at the stage of that rank.
func segmentsUpTo(in *provision.Install, top int) []string {
	stages := provision.Stages()
	segs := make([]string, len(stages))
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
