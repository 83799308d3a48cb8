package why

// A rule finds one cause.
type rule struct {
	name string
	// failed: it explains installs that failed, and not those under way. both: either.
	failed, both bool
	// find returns nil if the rule doesn't apply.
	find func(s *story) *finding
}

// rules are all rules. The first that applies decides, so one that knows the cause stands
// before one that knows only where the box stopped.
func rules() []rule {
	return []rule{
		// A person has to decide.
		{name: "held", find: held},
		{name: "question", find: question},

		// The appliance or the box has said it.
		{name: "disk-guard", both: true, find: diskGuard},
		{name: "refused", both: true, find: refused},
		{name: "lacks", both: true, find: lacks},
		{name: "anaconda", both: true, find: anaconda},
		{name: "converge", both: true, find: converge},
		{name: "check-failing", both: true, find: checkFailing},

		// What the box does shows it.
		{name: "reboots", both: true, find: reboots},
		{name: "other-server", both: true, find: otherServer},
		{name: "another-card", both: true, find: anotherCard},
		{name: "not-from-disk", both: true, find: notFromDisk},
		{name: "kernel-breaks", both: true, find: kernelBreaks},
		{name: "answers-lost", both: true, find: answersLost},
		{name: "transfer-loss", both: true, find: transferLoss},
		{name: "secure-boot", both: true, find: secureBoot},
		{name: "offers-lost", both: true, find: offersLost},
		{name: "address-taken", both: true, find: addressTaken},
		{name: "no-address", both: true, find: noAddress},
		{name: "override-ignored", both: true, find: overrideIgnored},

		// What the box does not do shows it.
		{name: "power-failed", both: true, find: powerFailed},
		{name: "port-waits", find: portWaits},
		{name: "not-on-the-wire", both: true, find: notOnTheWire},
		{name: "nothing-asked", both: true, find: nothingAsked},
		{name: "program-silent", both: true, find: programSilent},
		{name: "initramfs-silent", both: true, find: initramfsSilent},

		// Only the place is known.
		{name: "silent", find: silent},
		{name: "failed", failed: true, find: failed},
	}
}
