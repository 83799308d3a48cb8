package why

import (
	"slices"
	"testing"
	"time"
)

func TestNotOnTheWire(t *testing.T) {
	const armed, on = "0s operator armed requested", "5s bmc powered-on powered power=on"
	runRules(t, []ruleTest{
		{name: "nothing is heard", at: "5m10s", journal: []string{armed, on}, rule: "not-on-the-wire", said: []string{"cable", "VLAN", "link light", mac, "override", "console"}},
		{name: "remarks of the appliance are not the box's", at: "20m", journal: []string{armed, on, "6m appliance stalled! | stopped", "15m appliance late! | late"}, rule: "not-on-the-wire"},
		{name: "firmware has five minutes", at: "5m", journal: []string{armed, on}},
		{name: "the arming expired", at: "25h", journal: []string{armed, on, "24h appliance expired!! failed | it did not come"}, rule: "not-on-the-wire"},
		{name: "it was heard in an earlier boot: the cable was good", at: "16m", journal: []string{
			armed, on, "60s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "61s dhcp ack addressed client=PXE", "10m bmc power-cycle power=on",
		}, rule: "not-on-the-wire", said: []string{"ignored it"}},

		{name: "nobody has pressed its button", at: "23h", journal: []string{armed}},
		{name: "it was switched off", at: "20m", journal: []string{armed, on, "60s bmc power-off power=off"}, rule: "silent"},
		{name: "the power-on failed", at: "20m", journal: []string{armed, "5s bmc power-failed!! why=silence"}, rule: "power-failed"},
		{name: "it asks", at: "20m", journal: []string{armed, on, "90s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11"}, rule: "silent"},
		{name: "another card of it asks", at: "20m", journal: []string{armed, on, "90s dhcp another-card! by=uuid mac=52:54:00:00:00:99 expected=" + mac}, rule: "another-card"},
		{name: "another machine declines its address", at: "20m", journal: []string{armed, on, "90s dhcp conflict! | found on its address"}, rule: "not-on-the-wire"},
		{name: "installed, and power-cycled", at: "30m", journal: append(healthy[:17:17], "8m bmc revive! power=on"), rule: "not-from-disk"},
	})
}

// TestExpectedUntilFailed checks that a failed install expects nothing.
func TestExpectedUntilFailed(t *testing.T) {
	journal := []string{"0s operator armed requested", "5s bmc powered-on powered"}
	got := diagnose(t, caseOf(t, journal...), 6*time.Minute)
	if got == nil || got.Expected == nil || !got.Expected.By.Equal(start.Add(5*time.Second+5*time.Minute)) {
		t.Errorf("under way: %+v", got)
	}
	got = diagnose(t, caseOf(t, append(journal, "24h appliance expired!! failed")...), 25*time.Hour)
	if got == nil || got.Rule != "not-on-the-wire" || got.Expected != nil {
		t.Errorf("failed: %+v", got)
	}
}

// TestBMCProgress: what the BMC logged of the firmware is the last thing that the box did, and
// evidence of each diagnosis. A box that boots its disk has a good reason to be silent.
func TestBMCProgress(t *testing.T) {
	const armed, on = "0s operator armed requested", "5s bmc powered-on powered power=on"
	logged := func(progress string) string {
		return "90s bmc bmc-progress progress=" + progress + " | its BMC's event log: x"
	}
	plain := diagnose(t, caseOf(t, armed, on), 6*time.Minute)
	for progress, reversed := range map[string]bool{"disk": true, "boot-failed": false, "firmware": false} {
		got := diagnose(t, caseOf(t, armed, on, logged(progress)), 6*time.Minute)
		if got == nil || got.Rule != plain.Rule || got.Last == nil || got.Last.Seq != 3 || !slices.Contains(got.Evidence, 3) {
			t.Errorf("%s: %+v", progress, got)
			continue
		}
		if (got.Causes[0].Text != plain.Causes[0].Text) != reversed {
			t.Errorf("%s: the first cause is %q", progress, got.Causes[0].Text)
		}
	}
	// The box was heard after that.
	got := diagnose(t, caseOf(t, armed, on, logged("firmware"), "2m dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11"), 20*time.Minute)
	if got == nil || got.Last == nil || got.Last.Seq != 4 || !slices.Contains(got.Evidence, 3) {
		t.Errorf("%+v", got)
	}
	// Of an earlier boot it says nothing.
	got = diagnose(t, caseOf(t, armed, on, logged("disk"), "3m bmc power-cycle power=on"), 20*time.Minute)
	if got == nil || got.Last != nil || slices.Contains(got.Evidence, 3) {
		t.Errorf("%+v", got)
	}
}
