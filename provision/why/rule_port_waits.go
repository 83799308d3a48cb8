package why

import (
	"fmt"
	"strconv"
	"time"

	"rackhand/provision"
)

const (
	// portWaitsFrom is for how long firmware must have asked in vain before its first
	// request came through. PXE firmware asks after 0, 4, 12 and 28 s; a port with spanning
	// tree begins to forward after 30 s, which begin with the link, before firmware asks.
	portWaitsFrom = 25 * time.Second
	// portWaitsUntil is more than the slowest port needs (spanning tree, then LACP).
	portWaitsUntil = 2 * time.Minute
)

// portWaits finds that the switch port waits before it forwards: the first request that came
// through was not the firmware's first, and the firmware gave up soon after it.
func portWaits(s *story) *finding {
	b := s.boot()
	if b == nil || !s.hadTime() || s.silentFor() <= s.times.of(provision.Addressed) {
		return nil
	}
	firsts := b.stopsAt(func(e provision.Event) bool { return is(e, "dhcp", "discover") && e.Fields["tries"] == "1" })
	if len(firsts) == 0 || !s.late(firsts[len(firsts)-1]) {
		return nil
	}
	first := firsts[len(firsts)-1]
	return &finding{
		causes:   cause(fmt.Sprintf("Firmware had asked for %s s before its first request came through, and gave up: %s forwards nothing for the first 30 s (spanning tree).", first.Fields["secs"], portText(first))),
		evidence: []provision.Event{first},
		remedy:   provision.Remedy{Text: fmt.Sprintf("Set portfast, or edge, on %s, and boot the box again.", portText(first))},
	}
}

// late reports whether the first request of a boot came late, and was answered: not when the
// appliance had just started, or had no address for it.
func (s *story) late(e provision.Event) bool {
	secs, err := strconv.Atoi(e.Fields["secs"])
	asked := time.Duration(secs) * time.Second
	if err != nil || asked < portWaitsFrom || asked > portWaitsUntil || e.Fields["offered"] == "" && !s.proxied() {
		return false
	}
	for _, l := range s.links {
		if is(l, "appliance", "started") && !l.Counted.After(e.Counted) && e.Counted.Sub(l.Counted) < asked {
			return false
		}
	}
	return true
}
