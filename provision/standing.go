package provision

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// A Standing is how a host stands for the operator: which one needs a look first.
type Standing string

// The standings, worst first.
const (
	StandsFailed    Standing = "failed"
	StandsStuck     Standing = "stuck"
	StandsOver      Standing = "over budget"
	StandsNeedsLook Standing = "needs a look" // its agent failed, or is silent; or a sensor is critical
	StandsUnclaimed Standing = "unclaimed"
	StandsUnderWay  Standing = "under way"
	StandsWaiting   Standing = "waiting" // for someone who powers it on
	StandsIdle      Standing = "not installed"
	StandsCancelled Standing = "cancelled"
	StandsServing   Standing = "serving"
)

// Standings returns the standings in order, worst first.
func Standings() []Standing {
	return []Standing{
		StandsFailed, StandsStuck, StandsOver, StandsNeedsLook, StandsUnclaimed,
		StandsUnderWay, StandsWaiting, StandsIdle, StandsCancelled, StandsServing,
	}
}

// Standing is how the host stands at now.
func (h HostStatus) Standing(now time.Time) Standing {
	in := h.Install
	if h.Job.UnderWay() {
		in = h.Job
	}
	switch {
	case h.Unclaimed:
		return StandsUnclaimed
	case in == nil:
		return StandsIdle
	case in.Stage == Failed:
		return StandsFailed
	case in.Stage == Cancelled:
		return StandsCancelled
	case Wiped(h.Install, h.Job):
		return StandsIdle
	case in.Stage == Serving:
		if h.Agent != nil && h.Agent.Silent || h.Run != nil && (h.Run.Silent || h.Run.Status == catalog.Failed) ||
			h.BMCState != nil && len(h.BMCState.Critical) > 0 {
			return StandsNeedsLook
		}
		return StandsServing
	case in.Stage == Done:
		return StandsIdle
	case h.Stuck != nil:
		return StandsStuck
	case in.Overdue(now):
		return StandsOver
	case in.Stage == Requested:
		return StandsWaiting
	}
	return StandsUnderWay
}

// SortHosts sorts hosts as the operator needs them: worst first, and hosts that stand alike
// by name, web2 before web10.
func SortHosts(hosts []HostStatus, now time.Time) {
	rank := map[Standing]int{}
	for i, s := range Standings() {
		rank[s] = i
	}
	at := make(map[string]int, len(hosts))
	for _, h := range hosts {
		at[h.Host] = rank[h.Standing(now)]
	}
	slices.SortStableFunc(hosts, func(a, b HostStatus) int {
		return cmp.Or(at[a.Host]-at[b.Host], CompareNames(a.Host, b.Host))
	})
}

// CompareNames compares names in natural order: web2 before web10.
func CompareNames(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		nx, restX := leadingNumber(x)
		ny, restY := leadingNumber(y)
		if nx != "" && ny != "" {
			if order := cmp.Or(len(nx)-len(ny), strings.Compare(nx, ny)); order != 0 {
				return order
			}
			x, y = restX, restY
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(len(x)-len(y), strings.Compare(a, b))
}

// leadingNumber splits off a number, without its leading zeros.
func leadingNumber(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	digits = s[:i]
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits, s[i:]
}
