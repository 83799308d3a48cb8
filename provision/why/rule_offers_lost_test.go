package why

import (
	"slices"
	"testing"
	"time"
)

func TestOffersLost(t *testing.T) {
	const (
		armed, on = "0s operator armed requested", "5s bmc powered-on powered power=on"
		first     = "90s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11"
		again     = "2m dhcp discover! client=PXE secs=28 tries=4 offered=10.77.0.11"
	)
	runRules(t, []ruleTest{
		{name: "it asks and takes none", at: "6m", journal: []string{armed, on, first, again}, rule: "offers-lost", said: []string{"Its firmware does not take the offers of 10.77.0.11", "DHCP snooping", "another box on this switch"}, not: []string{"relay 10"}},
		{name: "through a relay", at: "6m", journal: []string{armed, on, first, again + " relay=10.77.0.254 circuit=p7 remote=sw1"}, rule: "offers-lost", said: []string{"the relay 10.77.0.254 does not pass them back", "p7 on sw1"}},
		{name: "on and on", at: "20m", journal: []string{armed, on, first, again, "3m dhcp discover! client=PXE secs=60 tries=8 offered=10.77.0.11", "19m30s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11"}, rule: "offers-lost"},
		{name: "the installer's kernel", at: "20m", journal: append(healthy[:9:9], "2m dhcp discover! client=other secs=20 tries=5 offered=10.77.0.11"), rule: "offers-lost", said: []string{"Its installer"}},
		{name: "the boot program", at: "8m", journal: append(healthy[:5:5], "2m dhcp discover! client=iPXE secs=25 tries=6 offered=10.77.0.11"), rule: "offers-lost", said: []string{"Its boot program"}},

		{name: "firmware has five minutes", at: "4m", journal: []string{armed, on, first, again}},
		{name: "one answer was enough", at: "6m", journal: []string{armed, on, first, again, "2m30s dhcp ack addressed client=PXE"}, rule: "silent"},
		{name: "it took another server's", at: "6m", journal: []string{armed, on, first, again, "2m30s dhcp chosen-other! client=PXE server=10.77.0.66 address=10.77.0.99"}, rule: "other-server"},
		{name: "it asked once", at: "6m", journal: []string{armed, on, first}, rule: "silent"},
		{name: "it was refused", at: "6m", journal: []string{armed, on, first, again, "2m30s dhcp nak client=PXE asked=10.77.0.12"}, rule: "silent"},
		{name: "it was offered nothing", at: "6m", journal: []string{armed, on, "90s dhcp discover client=PXE secs=0 tries=1 offered="}, rule: "no-address"},
		{name: "before it was powered on again", at: "12m", journal: []string{armed, on, first, again, "6m bmc power-cycle power=on"}, rule: "not-on-the-wire"},
	})
}

// TestSinceStays checks that a box that goes on asking is stuck since it began, and that the
// first and the last event are the evidence.
func TestSinceStays(t *testing.T) {
	const armed, on = "0s operator armed requested", "5s bmc powered-on powered"
	for rule, line := range map[string]string{
		"offers-lost":  "dhcp discover! client=PXE secs=28 tries=4 offered=10.77.0.11",
		"other-server": "dhcp chosen-other! client=PXE server=10.77.0.66",
		"no-address":   "dhcp discover client=PXE secs=0 tries=1 offered=",
	} {
		c := caseOf(t, armed, on, "2m "+line, "3m "+line, "4m "+line, "5m "+line)
		got := diagnose(t, c, 6*time.Minute)
		if got == nil || got.Expected == nil || !got.Expected.By.After(start) || got.Rule != rule || !got.Since.Equal(start.Add(2*time.Minute)) || !slices.Equal(got.Evidence, []uint64{3, 6}) {
			t.Errorf("%s: %+v", rule, got)
		}
	}
}
