package why

import "testing"

func TestPowerFailed(t *testing.T) {
	failed := func(why string) []string {
		return append(healthy[:1:1], "5s bmc power-failed!! why="+why+" | the box was not powered on: no session")
	}
	runRules(t, []ruleTest{
		{name: "address", at: "6s", journal: failed("address"), rule: "power-failed", said: []string{"`bmc.address`", "IPMI over LAN"}},
		{name: "password", at: "6s", journal: failed("password"), rule: "power-failed", said: []string{"User or password"}, not: []string{"cable"}},
		{name: "privilege", at: "6s", journal: failed("privilege"), rule: "power-failed", said: []string{"operator privilege"}, not: []string{"password"}},
		{name: "silence", at: "6s", journal: failed("silence"), rule: "power-failed", said: []string{"No answer comes", "UDP port 623"}},
		{name: "refused", at: "6s", journal: failed("refused"), rule: "power-failed", said: []string{"The box was not powered on: no session."}},
		{name: "Redfish, address", at: "6s", journal: failed("address protocol=redfish"), rule: "power-failed", said: []string{"Nothing answers Redfish"}, not: []string{"IPMI"}},
		{name: "Redfish, silence", at: "6s", journal: failed("silence protocol=redfish"), rule: "power-failed", said: []string{"TCP port 443"}, not: []string{"623", "IPMI"}},
		{name: "certificate", at: "6s", journal: failed("certificate"), rule: "power-failed", said: []string{"isn't trusted", "`bmc.fingerprint`", "no session"}, not: []string{"cable", "User or password are wrong"}},
		{name: "sessions", at: "6s", journal: failed("sessions"), rule: "power-failed", said: []string{"All sessions", "other tools"}, not: []string{"cable", "password"}},
		{name: "locked", at: "6s", journal: failed("locked"), rule: "power-failed", said: []string{"has locked", "5 to 30 minutes"}, not: []string{"cable", "are wrong"}},
		{name: "password-change", at: "6s", journal: failed("password-change"), rule: "power-failed", said: []string{"before the password of"}, not: []string{"cable", "are wrong"}},
		{name: "busy", at: "6s", journal: failed("busy"), rule: "power-failed", said: []string{"could not do it at that moment"}, not: []string{"cable", "password"}},
		{name: "state: the box did not follow", at: "6s", journal: failed("state"), rule: "power-failed", said: []string{"the box did not follow", "`bmc.settle`"}, not: []string{"cable", "No answer"}},
		{name: "of an earlier version", at: "6s", journal: append(healthy[:1:1], "5s bmc power-failed!! | no session"), rule: "power-failed", said: []string{"No session."}},
		{name: "its old system renews its lease", at: "1h", journal: more(failed("silence"), "50m dhcp ack client=other"), rule: "power-failed"},
		{name: "the arming expired", at: "30h", journal: more(failed("silence"), "24h appliance expired!! failed"), rule: "power-failed", said: []string{"rackhand install web1"}},
		{name: "someone pressed the button", at: "100s", journal: more(failed("silence"), healthy[2:4]...)},
		{name: "a second try worked", at: "100s", journal: more(failed("silence"), healthy[1:3]...)},
		// It was powered on, and its arming expired for another reason.
		{name: "powered on", at: "30h", journal: append(healthy[:2:2], "24h appliance expired!! failed | came for no install"), rule: "not-on-the-wire"},
	})
}
