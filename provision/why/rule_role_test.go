package why

import (
	"strings"
	"testing"
	"time"
)

func TestConverge(t *testing.T) {
	failed := append(healthy[:21:21], "400s agent converge-failed!! resource=package[nginx] error=apt-get:_exit_status_100 | 1 of 60 resources failed")
	runRules(t, []ruleTest{
		{name: "a resource", at: "401s", journal: failed, rule: "converge", said: []string{"package[nginx]", "apt-get: exit status 100.", "rackhand converge web1"}},
		{
			name: "the mirror cache can't fetch", at: "401s", rule: "converge", said: []string{"mirror cache answers 503", "mirror-unavailable"}, not: []string{"in the role"},
			journal: append(healthy[:21:21], "400s agent converge-failed!! resource=package[nginx] error=Failed_to_fetch_http://10.77.0.1/mirror/debian/dists/bookworm/InRelease__503__Service_Unavailable"),
		},
		{
			name: "the role's own 503", at: "401s", rule: "converge", said: []string{"package[nginx]", "in the role"}, not: []string{"mirror cache"},
			journal: append(healthy[:21:21], "400s agent converge-failed!! resource=package[nginx] error=Failed_to_fetch_http://example.com/debian/InRelease__503__Service_Unavailable"),
		},
		{
			name: "a long error", at: "401s", rule: "converge", said: []string{"apt-get: word word", "word…"}, not: []string{"last", "…."},
			journal: append(healthy[:21:21], "400s agent converge-failed!! resource=package[nginx] error=apt-get:"+strings.Repeat("_word", 200)+"_last"),
		},
		{name: "it stays through what the appliance says", at: "1h", journal: more(failed, "20m appliance late!", "21m dhcp ack client=other"), rule: "converge"},
		{name: "the run itself", at: "401s", journal: append(healthy[:21:21], "400s agent converge-failed!! error=the_catalog_is_damaged"), rule: "converge", said: []string{"The agent's run failed: the catalog is damaged."}},
		{name: "of an earlier version", at: "401s", journal: append(healthy[:21:21], "400s agent converge-failed!! | 1 of 60 resources failed: package[nginx]"), rule: "converge", said: []string{"1 of 60 resources failed: package[nginx]."}},
		{name: "the install was given up", at: "3h", journal: more(failed, "9000s appliance given-up!! failed"), rule: "converge"},
		// A second run succeeded, and what is wrong now is a check.
		{name: "mended", at: "500s", journal: more(failed, "450s agent converged converged")},
		{name: "mended, and a check fails", at: "10m", journal: more(failed, "450s agent converged converged", "520s check check-failed!! name=GET_/ result=status"), rule: "check-failing", not: []string{"nginx"}},
	})
}

// TestFailingSince: the agent tries again every few minutes. The host is stuck since its first
// failure in a row.
func TestFailingSince(t *testing.T) {
	failed := append(healthy[:21:21], "400s agent converge-failed!! resource=a error=b", "410s agent converged converged",
		"500s agent converge-failed!! resource=a error=b", "560s agent converge-failed!! resource=a error=b")
	got := diagnose(t, caseOf(t, failed...), 10*time.Minute)
	if got == nil || got.Rule != "converge" || !got.Since.Equal(start.Add(500*time.Second)) {
		t.Fatalf("%+v", got)
	}
}

func TestCheckFailing(t *testing.T) {
	with := func(lines ...string) []string { return append(healthy[:22:22], lines...) }
	failed := func(result string) []string {
		return with("480s check check-failed!! name=GET_http://10.77.0.11/ result=" + result + " | after 1m0s it does not serve: GET http://10.77.0.11/ fails; tried on")
	}
	runRules(t, []ruleTest{
		{name: "refused", at: "481s", journal: failed("refused"), rule: "check-failing", said: []string{"Refused: nothing listens", "GET http://10.77.0.11/"}, not: []string{"Timeout", "Status", "Body"}},
		{name: "timeout", at: "481s", journal: failed("timeout"), rule: "check-failing", said: []string{"Timeout:", "firewall"}, not: []string{"Refused", "Status", "Body"}},
		{name: "status", at: "481s", journal: failed("status"), rule: "check-failing", said: []string{"Status:"}, not: []string{"Refused", "Timeout", "Body", "firewall"}},
		{name: "body", at: "481s", journal: failed("body"), rule: "check-failing", said: []string{"Body:"}, not: []string{"Refused", "Timeout", "Status"}},
		{name: "certificate", at: "481s", journal: failed("certificate"), rule: "check-failing", said: []string{"Certificate:"}},
		{name: "unreachable", at: "481s", journal: failed("unreachable"), rule: "check-failing", said: []string{"Unreachable:"}},
		{name: "of an earlier version", at: "481s", journal: failed(""), rule: "check-failing", said: []string{"After 1m0s it does not serve"}},
		{name: "it changes its way of failing", at: "700s", journal: more(failed("refused"), "600s check check-failed!! name=GET_/ result=status"), rule: "check-failing", said: []string{"Status:"}, not: []string{"Refused"}},
		{name: "on the host", at: "425s", journal: append(healthy[:21:21], "420s agent host-checks-failed!! converged name=exec_a result=host error=exit_1"), rule: "check-failing", said: []string{"On the host", "exec a", "rackhand converge web1"}},
		// The checks pass at last, or are still within their time.
		{name: "passed on the host", at: "450s", journal: append(healthy[:21:21], "420s agent host-checks-failed!! converged name=exec_a result=host", "440s agent converged converged")},
		{name: "serving", at: "500s", journal: more(failed("refused"), "490s check serving serving")},
		{name: "within its time", at: "440s", journal: healthy[:22]},
		{name: "nothing fails, and it does not serve", at: "10m", journal: healthy[:22], rule: "silent"},
		// The role does not hold any more: that is the cause, and the check its effect.
		{name: "the role fails", at: "700s", journal: more(failed("refused"), "600s agent converge-failed!! resource=service[nginx] error=it_does_not_start"), rule: "converge"},
	})
}
