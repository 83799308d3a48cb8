package installer

import "rackhand/templates/kickstart"

// A Way says how a Kickstart is read that has more in it than the engine can carry out.
type Way struct {
	Unsupported kickstart.Unsupported // rackhand.unsupported=skip; "" is refuse
	// Image is installed under Skip when the Kickstart names none:
	// rackhand.image=URL rackhand.sha256=SUM.
	Image imageStep
}

// A Leave is what an install may do to disks that carry data: nothing, unless it says so.
type Leave struct {
	Wipe bool     // rackhand.wipe=1: they may be wiped
	Ours []string // rackhand.ours=ID,ID: these were blank when an earlier attempt of this install came
}
