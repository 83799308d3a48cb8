package dhcp

import (
	"fmt"
	"time"

	"rackhand/provision"
)

// Bounds of what strangers can make us write down: one event a minute for each of
// them, and limitTotal of all together.
const (
	limitEvery = time.Minute
	limitTotal = 120
	// oftenTotal bounds the leases of all cards that are told of: a rack that powers on
	// is some thousands.
	oftenTotal = 1 << 14
)

// tellsMost is how many leases of one card are told of within limitEvery: a boot is some
// five, of firmware, iPXE, installer and system.
const tellsMost = 12

// maySay reports whether a lease of a card may be told of. Whoever takes one again and
// again is told of once, and then kept quiet: else anybody could fill the journal.
func (s *Server) maySay(v view) bool {
	mac := v.client.mac.String()
	for i := range tellsMost {
		if s.often.Allow(fmt.Sprint(mac, " ", i), s.Clock()) {
			return true
		}
	}
	if s.trouble.Allow("often "+mac, s.Clock()) {
		s.record(provision.Event{
			Host: v.who(), Kind: "often", Level: provision.LevelWarn, Fields: v.fields(),
			Message: fmt.Sprintf("%s took its lease more than %d times within a minute, which is not told any more: does it boot in a loop, or has another machine the same MAC?", mac, tellsMost),
		})
	}
	return false
}

func newLimiter() *provision.Quiet { return &provision.Quiet{Every: limitEvery, Most: limitTotal} }
