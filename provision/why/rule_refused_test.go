package why

import (
	"testing"
	"time"
)

func TestRefused(t *testing.T) {
	kernel := func(lines ...string) []string { return more(healthy[:10], lines...) }
	runRules(t, []ruleTest{
		{name: "a token", at: "190s", journal: kernel("126s http token-refused! | 10.77.0.11 came with a token that is wrong or no longer valid"), rule: "refused", said: []string{"10.77.0.11 came with a token that is wrong", "Restart the box"}},
		{
			name: "other cards", at: "190s", journal: kernel("126s http mac-refused!! macs=52:54:00:00:00:77_52:54:00:00:00:78 | its interfaces are others"), rule: "refused",
			said: []string{"rackhand set hosts.web1.mac 52:54:00:00:00:77 52:54:00:00:00:78"},
		},
		{name: "another machine", at: "190s", journal: kernel("126s http another-mac!! mac=52:54:00:00:00:99 | another machine uses its address"), rule: "refused", said: []string{"hosts.web1.mac " + mac + " 52:54:00:00:00:99"}},
		{name: "the wrong address", at: "200s", journal: more(healthy[:6], "101s http script-refused! address=10.77.0.50 | reserve it"), rule: "refused", said: []string{"rackhand set hosts.web1.address 10.77.0.50"}},
		{name: "no boot was heard", at: "200s", journal: more(healthy[:6], "101s http boot-unheard! | a request for the boot script was refused"), rule: "refused"},
		{name: "it stands through retries and what the appliance says", at: "20m", journal: kernel("126s http token-refused!", "10m dhcp ack client=other", "16m appliance late!"), rule: "refused"},
		{name: "its arming expired", at: "25h", journal: kernel("126s http token-refused! | a token that is wrong", "24h appliance expired!! failed"), rule: "refused", said: []string{"rackhand install web1"}},
		{name: "an agent", at: "10m", journal: more(healthy[:19], "311s http enrol-refused! | asked to enrol: its token is used up"), rule: "refused", said: []string{"rackhand enrol web1"}},
		// A moment later it may get on; it did get on; another machine was refused while the
		// installer went on; the installer failed for its own reason.
		{name: "a moment ago", at: "130s", journal: kernel("126s http token-refused!")},
		{name: "it got on", at: "4m", journal: more(kernel("125s http token-refused!"), healthy[10:15]...)},
		{name: "in the middle of the packages", at: "4m", journal: more(healthy[:15], "190s http answer-late!! | only an intruder has a reason")},
		{name: "an intruder, and no mirror", at: "4m", journal: more(healthy[:15], "190s http answer-late!!", "200s installer packages-failed!! failed | no mirror"), rule: "failed", said: []string{"no mirror"}, not: []string{"enrol"}},
	})
}

// A request that names the host and comes from another address is the host's, if the host
// itself has stopped.
func TestRefusedElsewhere(t *testing.T) {
	stopped := healthy[:6]
	c := caseOf(t, more(stopped, "101s link script-refused! about=web1 | 10.77.0.77 asked for the boot script of "+mac)...)
	c.Links[0].Source = "http"
	got := Diagnose(c, start.Add(3*time.Minute))
	if got == nil || got.Rule != "refused" || got.Remedy.Command != "rackhand doctor" {
		t.Errorf("%+v", got)
	}
	c.Links[0].Fields["about"] = "web2"
	if got := Diagnose(c, start.Add(161*time.Second)); got != nil && got.Rule == "refused" {
		t.Errorf("another host's: %+v", got)
	}
	// A stranger asks for its script while it gets on.
	c = caseOf(t, more(more(stopped, "101s link script-refused! about=web1"), healthy[6:15]...)...)
	c.Links[0].Source = "http"
	if got := Diagnose(c, start.Add(4*time.Minute)); got != nil {
		t.Errorf("%+v", got)
	}
}
