package why

import "testing"

func TestOverrideIgnored(t *testing.T) {
	booted := append(healthy[:2:2], "80s dhcp ack client=other")
	read := func(fields string) []string { return more(booted, "82s bmc boot-override "+fields) }
	runRules(t, []ruleTest{
		{name: "the override is still set", at: "6m", journal: read("boot=pxe valid=true efi=true"), rule: "override-ignored", said: []string{"still set", "boot order"}, not: []string{"spent", "another tool", "UEFI"}},
		{name: "it is still set, for the other mode", at: "6m", journal: read("boot=pxe valid=true efi=false"), rule: "override-ignored", said: []string{"other firmware mode", "legacy"}, not: []string{"spent"}},
		{name: "it is spent", at: "6m", journal: read("boot=none valid=false"), rule: "override-ignored", said: []string{"which is spent", "The BMC lost the override", "Switch network boot (PXE) on"}, not: []string{"still set", "ignored the BMC's boot override"}},
		{name: "valid is lost", at: "6m", journal: read("boot=pxe valid=false"), rule: "override-ignored", said: []string{"spent"}, not: []string{"still set"}},
		{name: "another tool set another device", at: "6m", journal: read("boot=disk valid=true"), rule: "override-ignored", said: []string{"disk instead of pxe", "other tool"}, not: []string{"spent", "still set"}},
		{name: "it can't be read", at: "6m", journal: read("why=silence"), rule: "override-ignored", said: []string{"ignored the BMC's boot override"}, not: []string{"spent", "still set"}},
		{name: "a bit was lost at once", at: "6m", journal: []string{healthy[0], "5s bmc powered-on powered power=on boot=pxe lost=EFI", "80s dhcp ack client=other"}, rule: "override-ignored", said: []string{"kept the override without: EFI"}},
		// The BMC reports its power-on after firmware has asked: that belongs to the same boot.
		{name: "a BMC that reports late", at: "6m", journal: []string{healthy[0], "1s bmc command command=network-boot", "12s dhcp discover client=PXE", "13s dhcp ack addressed client=PXE", "30s bmc powered-on powered power=on"}, rule: "nothing-asked", not: []string{"override", "cable"}},
		{name: "its old system renews its lease before the power goes", at: "6m", journal: []string{healthy[0], "1s bmc command command=network-boot", "2s dhcp ack client=other", "30s bmc powered-on powered power=on"}, rule: "not-on-the-wire"},
		{name: "the old system boots", at: "6m", journal: booted, rule: "override-ignored", said: []string{"ignored the BMC's boot override"}},
		{name: "before five minutes", at: "4m59s", journal: booted},
		{name: "as a proxy", at: "6m", journal: append(healthy[:2:2], "80s dhcp observed client=other"), rule: "override-ignored"},
		{name: "its arming expired", at: "30h", journal: more(booted, "24h appliance expired!! failed"), rule: "override-ignored"},
		// Its firmware asked after that lease, or before it.
		{name: "a slow firmware", at: "6m", journal: more(booted, "200s dhcp discover client=PXE", "201s dhcp ack addressed client=PXE", "202s tftp fetch bootfile", "359s http attempt script")},
		{name: "a lease from before the power-on", at: "4m", journal: []string{healthy[0], "1s dhcp ack client=other", healthy[1]}},
	})
	// Without a BMC, no override was set.
	runRules(t, []ruleTest{{name: "nobody powered it on", at: "1h", journal: []string{healthy[0], "80s dhcp ack client=other"}}})
}
