package plan

import "rackhand/templates/kickstart/engine"

// ReadOptions say how to read a Kickstart that contains more than the engine can carry out.
type ReadOptions struct {
	Unsupported engine.Unsupported // rackhand.unsupported=skip; "" is refuse
	// Image is installed when Unsupported is Skip and the Kickstart names none:
	// rackhand.image=URL rackhand.sha256=SUM.
	Image ImageStep
}

// Overwrite says which disks with data an install may overwrite: none, unless it says so.
type Overwrite struct {
	Wipe         bool     // rackhand.wipe=1: all that the Kickstart uses
	Overwritable []string // rackhand.ours=ID,ID: these were blank before an earlier attempt of this install
}
