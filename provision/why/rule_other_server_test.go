package why

import "testing"

func TestOtherServer(t *testing.T) {
	const (
		armed, on = "0s operator armed requested", "5s bmc powered-on powered power=on"
		first     = "90s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11"
		chose     = "91s dhcp chosen-other! client=PXE server=10.77.0.66 address=10.77.0.99"
	)
	runRules(t, []ruleTest{
		{name: "it chose another", at: "6m", journal: []string{armed, on, first, chose}, rule: "other-server", said: []string{"10.77.0.66", "10.77.0.99", "dhcp: proxy"}},
		{name: "again and again", at: "20m", journal: []string{armed, on, first, chose, "10m dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "10m1s dhcp chosen-other! client=PXE server=10.77.0.67"}, rule: "other-server", said: []string{"10.77.0.67"}, not: []string{"10.77.0.66"}},
		{name: "the installer's kernel did", at: "6m", journal: append(healthy[:9:9], "125s dhcp chosen-other! client=other server=10.77.0.66 address=10.77.0.99"), rule: "other-server"},
		{name: "it expired", at: "25h", journal: []string{armed, on, first, chose, "24h appliance expired!! failed | it did not come"}, rule: "other-server"},

		{name: "firmware has five minutes", at: "4m", journal: []string{armed, on, first, chose}},
		{name: "then ours", at: "6m", journal: []string{armed, on, first, chose, "2m dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "2m1s dhcp ack addressed client=PXE"}, rule: "silent"},
		{name: "its BMC powered it on again", at: "12m", journal: []string{armed, on, first, chose, "6m bmc power-cycle power=on"}, rule: "not-on-the-wire"},
		{name: "the installer got its answer all the same", at: "3m", journal: append(healthy[:9:9], "124s dhcp chosen-other! client=other server=10.77.0.66", "126s http answer", "127s installer started installer")},
		{name: "the link has another, which it did not choose", at: "6m", journal: []string{armed, on, first, "91s dhcp ack addressed client=PXE"}, rule: "silent"},
	})
}
