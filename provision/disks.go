package provision

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// KindDisksBlank is the kind of an event by which an installer, Anaconda or ours, reports
// the disks that its disk guard has found blank. The message has their ids, separated by
// blanks.
const KindDisksBlank = "disks-blank"

// maxBlank bounds how many disks of an install are remembered.
const maxBlank = 64

// diskID is a disk's WWN or serial number, as the guard writes it. A shorter one doesn't
// identify a disk.
var diskID = regexp.MustCompile(`^[A-Za-z0-9._-]{6,128}$`)

// DiskIDs reads the ids in an event of kind KindDisksBlank.
func DiskIDs(message string) []string {
	var out []string
	for _, id := range strings.Fields(message) {
		if diskID.MatchString(id) && !madeUp(id) && len(out) < maxBlank {
			out = append(out, id)
		}
	}
	return out
}

// madeUp reports whether an id doesn't identify a disk although it is long:
// eui.0000000000000000, 000000000001. Cheap disks and USB bridges have such ids.
func madeUp(id string) bool {
	_, number, ok := strings.Cut(id, ".")
	if !ok {
		number = id
	}
	distinct := map[rune]bool{}
	for _, r := range number {
		distinct[r] = true
	}
	return len(distinct) < 4
}

// overwriteFor is how long after the last report of its installer a box may come back and
// overwrite its disks. A failed Anaconda waits three minutes, and servers boot for ten.
// Later, the data on the disks may be of use: if the installer's last report was lost, its
// system may have served since, and the system's own DHCP keeps the install from being
// given up.
const overwriteFor = time.Hour

// DropExpiredDisks drops the list of overwritable disks once it has expired: the report of a
// later attempt must not bring it back. The time that the appliance was off counts as well,
// since the box may have been used meanwhile. So the longer of counted time and the machine's
// time decides, and a machine's clock that was set back makes the list expire.
func (in Install) DropExpiredDisks(counted, wall time.Time) Install {
	byWall := wall.Sub(in.InstallerHeardWall)
	if counted.Sub(in.InstallerHeard) > overwriteFor || !in.InstallerHeardWall.IsZero() && (byWall > overwriteFor || byWall < -time.Minute) {
		in.Blank = nil
	}
	return in
}

// OverwritableDisks are the ids of the disks that this install found blank in the box with
// this MAC, separated by blanks: an attempt that comes soon after may overwrite the work of
// the one before. A disk that was not there, or has no id, is not overwritable.
func (in Install) OverwritableDisks(mac string, counted, wall time.Time) string {
	if len(in.MACs) > 0 && !slices.Contains(in.MACs, mac) {
		return ""
	}
	return strings.Join(in.DropExpiredDisks(counted, wall).Blank, " ")
}
