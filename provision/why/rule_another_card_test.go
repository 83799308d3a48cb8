package why

import (
	"testing"
	"time"

	"rackhand/inventory"
)

func TestAnotherCard(t *testing.T) {
	const (
		armed, on = "0s operator armed requested", "5s bmc powered-on powered power=on"
		card      = " mac=52:54:00:00:00:99 client=PXE expected=" + mac
		uuid      = "90s dhcp another-card! by=uuid" + card
	)
	command := "rackhand set hosts.web1.mac 52:54:00:00:00:99"
	runRules(t, []ruleTest{
		{name: "the same UUID", at: "6m", journal: []string{armed, on, uuid}, rule: "another-card", said: []string{"52:54:00:00:00:99", mac, "UUID", "console or label shows 52:54:00:00:00:99", command}, not: []string{"another box"}},
		{name: "the same switch port", at: "6m", journal: []string{armed, on, "90s dhcp another-card! by=switch-port" + card}, rule: "another-card", said: []string{"switch port", "another box", command}},
		{name: "a neighbouring address", at: "6m", journal: []string{armed, on, "90s dhcp another-card! by=neighbouring-mac" + card}, rule: "another-card", said: []string{"neighbours", "another box", command}},
		{name: "the best evidence counts", at: "6m", journal: []string{armed, on, uuid, "95s dhcp another-card! by=neighbouring-mac mac=52:54:00:00:00:02 expected=" + mac}, rule: "another-card", said: []string{command}, not: []string{"52:54:00:00:00:02"}},
		{name: "switched on by hand", at: "3h6m", journal: []string{armed, "3h dhcp another-card! by=uuid" + card}, rule: "another-card", said: []string{command}},
		{name: "the arming expired", at: "25h", journal: []string{armed, on, uuid, "24h appliance expired!! failed | it did not come"}, rule: "another-card"},

		{name: "its firmware tries the other card first", at: "4m", journal: []string{armed, on, uuid}},
		{name: "and then the right one, which it boots from", at: "6m", journal: []string{armed, on, uuid, "3m dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "3m1s dhcp ack addressed client=PXE", "3m2s tftp fetch bootfile name=snponly.efi"}, rule: "silent"},
		{name: "an old system of it asks by its own card", at: "6m", journal: []string{armed, on, uuid, "3m dhcp ack client=other"}, rule: "override-ignored"},
		{name: "in the boot before", at: "12m", journal: []string{armed, on, uuid, "6m bmc power-cycle power=on"}, rule: "not-on-the-wire"},
		{name: "a box outside the inventory is nobody's", at: "6m", journal: []string{armed, on}, rule: "not-on-the-wire"},
	})
}

// TestAnotherCardOfSeveral checks that a host keeps the cards that it has.
func TestAnotherCardOfSeveral(t *testing.T) {
	c := caseOf(t, "0s operator armed requested", "5s bmc powered-on powered", "90s dhcp another-card! by=uuid mac=52:54:00:00:00:99 expected="+mac)
	c.Host.MACs = append(c.Host.MACs, inventory.MAC{0x52, 0x54, 0, 0, 0, 2})
	got := diagnose(t, c, 6*time.Minute)
	if got == nil || got.Remedy.Command != "rackhand set hosts.web1.mac 52:54:00:00:00:99 52:54:00:00:00:01 52:54:00:00:00:02" {
		t.Errorf("%+v", got)
	}
}
