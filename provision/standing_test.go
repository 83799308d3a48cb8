package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
)

// TestStanding: how a host stands, and hosts sorted by it.
func TestStanding(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	in := func(stage provision.Stage) *provision.Install {
		return &provision.Install{Stage: stage, PoweredOn: now.Add(-time.Minute), Budget: provision.Budget{Time: 15 * time.Minute}}
	}
	late := in(provision.Kernel)
	late.PoweredOn = now.Add(-time.Hour)
	stuck := &provision.Stuck{Rule: "silent"}
	var hosts []provision.HostStatus
	for i, tc := range []struct {
		host provision.HostStatus
		want provision.Standing
	}{
		{provision.HostStatus{Install: in(provision.Failed), Stuck: stuck}, provision.StandsFailed},
		{provision.HostStatus{Install: in(provision.Kernel), Stuck: stuck}, provision.StandsStuck},
		{provision.HostStatus{Install: in(provision.Serving), Job: in(provision.Kernel), Stuck: stuck}, provision.StandsStuck},
		{provision.HostStatus{Install: late}, provision.StandsOver},
		{provision.HostStatus{Install: in(provision.Serving), Run: &provision.LastRun{Silent: true}}, provision.StandsNeedsLook},
		{provision.HostStatus{Install: in(provision.Serving), Agent: &provision.AgentState{Silent: true}}, provision.StandsNeedsLook},
		{provision.HostStatus{Install: in(provision.Serving), Run: &provision.LastRun{Status: catalog.Failed}}, provision.StandsNeedsLook},
		{provision.HostStatus{Unclaimed: true}, provision.StandsUnclaimed},
		{provision.HostStatus{Install: in(provision.Kernel)}, provision.StandsUnderWay},
		{provision.HostStatus{Install: in(provision.Serving), Job: in(provision.Kernel)}, provision.StandsUnderWay},
		{provision.HostStatus{Install: &provision.Install{Stage: provision.Requested}}, provision.StandsWaiting},
		{provision.HostStatus{}, provision.StandsIdle},
		{provision.HostStatus{Install: in(provision.Cancelled)}, provision.StandsCancelled},
		{provision.HostStatus{Install: in(provision.Serving), Run: &provision.LastRun{Status: catalog.Changed}}, provision.StandsServing},
	} {
		if got := tc.host.Standing(now); got != tc.want {
			t.Errorf("host %d: %s, want %s", i, got, tc.want)
		}
		tc.host.Host = string(rune('a' + i))
		hosts = append(hosts, tc.host)
	}
	slices.Reverse(hosts)
	provision.SortHosts(hosts, now)
	order := ""
	for _, h := range hosts {
		order += h.Host
	}
	if want := "abcdefghijklmn"; order != want {
		t.Errorf("sorted: %s, want %s", order, want)
	}
}

func TestCompareNames(t *testing.T) {
	want := []string{"", "1", "2", "10", "a", "a1", "a1b", "a2", "a10", "a10b2", "a10b10", "b", "web", "web-1"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, provision.CompareNames)
	if !slices.Equal(got, want) {
		t.Errorf("%s, want %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}
