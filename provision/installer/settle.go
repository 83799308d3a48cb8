package installer

import (
	"slices"
	"time"

	"rackhand/provision/installer/plan"
)

// A diskWatch remembers since when the machine has had the same disks. They appear one by one,
// and the first one must not be mistaken for the only one.
type diskWatch struct {
	names []string
	since time.Time
}

// look notes which disks are there now.
func (w *diskWatch) look(disks []plan.Disk, now time.Time) {
	var names []string
	for _, d := range disks {
		names = append(names, d.Name)
	}
	if w.since.IsZero() || !slices.Equal(names, w.names) {
		w.names, w.since = names, now
	}
}

// settleTime is how long no disk must have appeared before one is chosen that the Kickstart
// does not name. USB alone takes a second.
const settleTime = 2 * time.Second

// settled reports whether disks may be chosen now: the Kickstart names each of them, or no
// disk has appeared for settleTime.
func (w *diskWatch) settled(r *plan.Recipe, now time.Time) bool {
	return r.NamesDisks() || now.Sub(w.since) >= settleTime
}
