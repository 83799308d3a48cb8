package dhcp

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"rackhand/provision"
	"rackhand/provision/limit"
)

// Bounds of repeated reports and log lines. A provision.Flood bounds the events that
// strangers can cause.
const (
	reportEvery = time.Minute
	logsTotal   = 120 // different log lines within reportEvery
	// leaseReportsTotal bounds the reported leases of all cards. A rack that powers on
	// causes some thousands.
	leaseReportsTotal = 1 << 14
	hostReportsTotal  = 1 << 12
)

// refusalsASecond is how many NAKs are sent to clients that aren't hosts of the inventory.
// Each NAK is a broadcast, so a flood of wrong REQUESTs would otherwise become a flood of
// broadcasts. A client without an answer starts again after its own timeout.
const (
	refusalsASecond = 500
	refusalsBurst   = 1000
)

// mayRefuse reports whether a NAK may be sent to a client.
func (s *Server) mayRefuse(v view) bool {
	return v.reserved().IsValid() || s.refusals.AllowN(s.Clock(), 1)
}

// leaseReportsMost is how many leases of one card are reported within reportEvery. One
// boot takes about five: firmware, iPXE, installer and system.
const leaseReportsMost = 12

// mayReportLease reports whether a lease of a card may be reported. A card that exceeds
// the limit gets one event that says so. Otherwise any client could fill the journal.
func (s *Server) mayReportLease(v view) bool {
	mac := v.client.mac.String()
	for i := range leaseReportsMost {
		if s.leaseReports.Allow(fmt.Sprint(mac, " ", i), s.Clock()) {
			return true
		}
	}
	if s.hostReports.Allow("often "+mac, s.Clock()) {
		s.record(provision.Event{
			Host: v.subject(), Kind: "often", Level: provision.LevelWarn, Fields: v.fields(),
			Message: fmt.Sprintf("%s took its lease more than %d times within a minute, so further ones are not reported: does it boot in a loop, or does another machine have the same MAC?", mac, leaseReportsMost),
		})
	}
	return false
}

// mayReport reports whether an event about a client may be recorded. key names the thing
// that the event is about.
func (s *Server) mayReport(kind string, v view, key string) bool {
	host := ""
	if h := v.decision.Host; h != nil {
		host = h.Name
	} else if v.bmcOf != nil {
		host = v.bmcOf.Name
	}
	return s.Flood.Allow("dhcp "+kind, host, key)
}

// limits bound the reports about hosts, the log lines and the NAKs.
type limits struct {
	hostReports  *limit.Limiter // problems of a host of the inventory
	leaseReports *limit.Limiter // see mayReportLease
	logs         *limit.Limiter // log lines without an event
	refusals     *rate.Limiter
}

func newLimits() limits {
	most := func(n int) *limit.Limiter { return &limit.Limiter{Every: reportEvery, Most: n} }
	return limits{
		hostReports: most(hostReportsTotal), leaseReports: most(leaseReportsTotal), logs: most(logsTotal),
		refusals: rate.NewLimiter(refusalsASecond, refusalsBurst),
	}
}
