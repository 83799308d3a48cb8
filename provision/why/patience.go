package why

import (
	"maps"
	"time"

	"rackhand/provision"
)

// knowFirmware allows the box the time that its own firmware has needed in this install, from
// the BMC's power-on to its first request: twice that, whenever it restarts.
func (s *story) knowFirmware() {
	var took time.Duration
	for i := range s.boots {
		b := &s.boots[i]
		if e, ok := b.firmware(); ok && b.power != nil {
			took = max(took, e.Counted.Sub(b.began))
		}
	}
	if took == 0 {
		return
	}
	times := Times{}
	maps.Copy(times, s.times)
	for _, stage := range []provision.Stage{provision.Powered, provision.Installed} {
		times[stage] = max(times[stage], 2*took)
	}
	s.times = times
}

// waitedFrom is from when on the box's silence counts. An appliance that was off has heard
// nothing, and has answered nothing.
func (s *story) waitedFrom(at time.Time) time.Time {
	for _, l := range s.links {
		if is(l, "appliance", "started") && l.Counted.After(at) && !l.Counted.After(s.now) {
			at = l.Counted
		}
	}
	return at
}
