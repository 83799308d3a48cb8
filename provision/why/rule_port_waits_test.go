package why

import (
	"testing"
	"time"

	"rackhand/provision"
)

func TestPortWaits(t *testing.T) {
	const (
		armed, on = "0s operator armed requested", "5s bmc powered-on powered power=on"
		late      = "2m dhcp discover client=PXE secs=28 tries=1 offered=10.77.0.11"
	)
	runRules(t, []ruleTest{
		{name: "the fourth request is the first that comes", at: "6m", journal: []string{armed, on, late}, rule: "port-waits", said: []string{"spanning tree", "28 s", "portfast"}},
		{name: "on a known port", at: "6m", journal: []string{armed, on, late + " circuit=Gi1/0/12 remote=sw1"}, rule: "port-waits", said: []string{"Gi1/0/12 on sw1"}},
		{name: "in each of its rounds", at: "9m", journal: []string{armed, on, late, "5m dhcp discover client=PXE secs=35 tries=1 offered=10.77.0.11"}, rule: "port-waits", said: []string{"35 s"}},
		{name: "switched on by hand", at: "2h6m", journal: []string{armed, "2h dhcp discover client=PXE secs=60 tries=1 offered=10.77.0.11"}, rule: "port-waits"},

		{name: "firmware has five minutes", at: "4m", journal: []string{armed, on, late}},
		{name: "a slow server that has just asked", at: "7m", journal: []string{armed, on, "6m30s dhcp discover client=PXE secs=28 tries=1 offered=10.77.0.11"}},
		{name: "a request was lost", at: "6m", journal: []string{armed, on, "2m dhcp discover client=PXE secs=12 tries=1 offered=10.77.0.11"}, rule: "silent"},
		{name: "it got its address: the port forwards", at: "6m", journal: []string{armed, on, late, "2m1s dhcp ack addressed client=PXE"}, rule: "silent"},
		{name: "the next round is in time", at: "9m", journal: []string{armed, on, late, "5m dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11"}, rule: "silent"},
		{name: "it does not take the offers", at: "6m", journal: []string{armed, on, late, "2m30s dhcp discover! client=PXE secs=60 tries=4 offered=10.77.0.11"}, rule: "offers-lost"},
		{name: "it asked for an hour", at: "6m", journal: []string{armed, on, "2m dhcp discover client=PXE secs=3600 tries=1 offered=10.77.0.11"}, rule: "silent"},
		{name: "it asked in vain: there was no address", at: "6m", journal: []string{armed, on, "2m dhcp discover client=PXE secs=28 tries=1 offered="}, rule: "no-address"},
	})
}

// TestPortWaitsNotAtStart checks that a box that asked while the appliance was off shows
// nothing about its port.
func TestPortWaitsNotAtStart(t *testing.T) {
	c := caseOf(t, "0s operator armed requested", "5s bmc powered-on powered", "2m dhcp discover client=PXE secs=28 tries=1 offered=10.77.0.11")
	for at, want := range map[time.Duration]string{time.Minute: "port-waits", 100 * time.Second: "silent", 3 * time.Minute: "port-waits"} {
		c.Links = []provision.Event{{Counted: start.Add(at), Source: "appliance", Kind: "started"}}
		if got := diagnose(t, c, 9*time.Minute); got == nil || got.Rule != want {
			t.Errorf("started at %s: %+v, want %s", at, got, want)
		}
	}
}
