package why

import "testing"

func TestNotFromDisk(t *testing.T) {
	// In UEFI mode, installed at 220s.
	installed := more(healthy[:3], "96s dhcp ack addressed client=PXE arch=x64_UEFI")
	installed = more(installed, healthy[4:17]...)
	bios := []string{"300s dhcp ack client=PXE arch=x86_BIOS"}
	uefi := []string{"300s dhcp ack client=PXE arch=x64_UEFI", "303s dhcp ack client=iPXE arch=x64_UEFI"}
	with := func(lines ...string) []string { return more(installed, lines...) }
	runRules(t, []ruleTest{
		{name: "another mode", at: "8m1s", journal: with(bios...), rule: "not-from-disk", said: []string{"installed in UEFI mode and boots in BIOS mode"}, not: []string{"boot order", "8443"}},
		{name: "another mode, and it may still find its disk", at: "6m", journal: with(bios...)},
		{name: "another mode, twice", at: "371s", journal: more(with(bios...), "370s dhcp ack client=PXE arch=x86_BIOS"), rule: "not-from-disk", said: []string{"BIOS mode"}},
		{name: "the same mode, over and over", at: "391s", journal: more(with(uefi...), "390s dhcp ack client=PXE arch=x64_UEFI"), rule: "not-from-disk", said: []string{"boot entry", "boot order", "2 times"}, not: []string{"mode", "8443"}},
		{name: "the same mode, and silence", at: "10m", journal: with(uefi...), rule: "not-from-disk", said: []string{"boot entry", "(once)"}},
		{name: "by HTTP boot, the same mode", at: "10m", journal: with("300s dhcp ack client=HTTP_boot arch=x64_UEFI_HTTP"), rule: "not-from-disk", said: []string{"boot entry"}},
		{name: "the network first, then the disk", at: "7m", journal: more(with(uefi...), "360s dhcp ack client=other", "370s agent booted booted", "371s agent enrolled enrolled", "372s agent converging converging")},
		{name: "a system without its agent", at: "10m", journal: with("300s dhcp ack client=other"), rule: "not-from-disk", said: []string{"8443", "clock"}, not: []string{"boot entry", "mode"}},
		{name: "the network first, then a system without its agent", at: "10m", journal: more(with(uefi...), "360s dhcp ack client=other"), rule: "not-from-disk", said: []string{"8443"}, not: []string{"boot entry"}},
		{name: "its agent may still come", at: "9m", journal: with("300s dhcp ack client=other")},
		{name: "its agent asked for the time only", at: "10m", journal: with("300s dhcp ack client=other", "310s agent booted booted"), rule: "not-from-disk", said: []string{"did not enrol", "clock"}},
		{name: "its agent asked, in an event that is no longer kept", at: "10m", journal: with("300s dhcp ack client=other", "310s agent report booted"), rule: "not-from-disk", said: []string{"did not enrol"}},
		{name: "nothing at all", at: "10m", journal: with("8m bmc revive!"), rule: "not-from-disk", said: []string{"did not come back", "login prompt"}},
		{name: "given up", at: "4h", journal: with("300s dhcp ack client=other", "3h appliance given-up!! failed"), rule: "not-from-disk", said: []string{"8443"}},
		// The installer's own lease, and a host that is past all this.
		{name: "a lease before its end", at: "6m", journal: with()},
		{name: "a host that converges", at: "9m", journal: more(with(bios...), "360s agent booted booted", "361s agent enrolled enrolled", "362s agent converging converging")},
		{name: "its agent enrolled at once, and was given up", at: "4h", journal: more(with(bios...), "361s agent enrolled enrolled", "3h appliance given-up!! failed | nothing was heard"), rule: "failed"},
		{name: "a host whose agent failed is past it", at: "20m", journal: more(with(bios...), "360s agent booted booted", "361s agent enrolled enrolled", "362s agent converging converging", "400s agent converge-failed!! resource=a error=b"), rule: "converge"},
	})
}
