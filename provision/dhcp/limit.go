package dhcp

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"rackhand/provision"
	"rackhand/provision/limit"
)

// Bounds of what is told again and again. What strangers can make us write down is bounded
// by a provision.Flood.
const (
	limitEvery = time.Minute
	limitTotal = 120 // of what is logged only
	// oftenTotal bounds the leases of all cards that are told of: a rack that powers on
	// is some thousands.
	oftenTotal = 1 << 14
	hostsTotal = 1 << 12
)

// refusalsASecond is how many NAKs are sent to clients that are no hosts: each is a broadcast,
// so a flood of wrong REQUESTs would be one of answers to everybody. Who isn't told asks anew
// by himself.
const (
	refusalsASecond = 500
	refusalsBurst   = 1000
)

// mayRefuse reports whether a client may be told that its address is wrong.
func (s *Server) mayRefuse(v view) bool {
	return v.reserved().IsValid() || s.refusals.AllowN(s.Clock(), 1)
}

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
	if s.hosts.Allow("often "+mac, s.Clock()) {
		s.record(provision.Event{
			Host: v.who(), Kind: "often", Level: provision.LevelWarn, Fields: v.fields(),
			Message: fmt.Sprintf("%s took its lease more than %d times within a minute, which is not told any more: does it boot in a loop, or has another machine the same MAC?", mac, tellsMost),
		})
	}
	return false
}

// may reports whether an event of a client may be recorded; key is who or what it is about.
func (s *Server) may(kind string, v view, key string) bool {
	host := ""
	if h := v.decision.Host; h != nil {
		host = h.Name
	} else if v.bmcOf != nil {
		host = v.bmcOf.Name
	}
	return s.Flood.Allow("dhcp "+kind, host, key)
}

// limits is what keeps what is told of hosts, and the log, within bounds.
type limits struct {
	hosts    *limit.Limiter // what is wrong with a host of the inventory
	often    *limit.Limiter // see maySay
	logs     *limit.Limiter // what is logged only
	refusals *rate.Limiter
}

func newLimits() limits {
	most := func(n int) *limit.Limiter { return &limit.Limiter{Every: limitEvery, Most: n} }
	return limits{
		hosts: most(hostsTotal), often: most(oftenTotal), logs: most(limitTotal),
		refusals: rate.NewLimiter(refusalsASecond, refusalsBurst),
	}
}
