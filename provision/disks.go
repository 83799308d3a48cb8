package provision

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// KindDisksBlank is the kind of an event by which an installer, Anaconda's or ours, says
// that its disk guard has found these disks blank: their ids, between blanks, are the
// message.
const KindDisksBlank = "disks-blank"

// maxBlank bounds how many disks of an install are remembered.
const maxBlank = 64

// diskID is a disk's WWN or serial number, as the guard writes it. Shorter ones are no
// id that tells one disk from another.
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

// madeUp reports whether an id is one that tells no disk from another, though it is long:
// eui.0000000000000000, 000000000001. Cheap disks and bridges to USB have such.
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

// overwriteFor is how long after its installer was heard last a box may come back and
// overwrite its disks. A failed Anaconda waits three minutes, and servers
// boot for ten. After longer nobody knows any more whose work is on the disks: an
// installer whose last report was lost has left a system there that may have served
// since, and a system's own DHCP keeps its install from being given up.
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
