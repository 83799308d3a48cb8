package audit

import (
	"slices"

	"rackhand/provision"
)

// The kinds of findings.
const (
	suiteZero        = "cipher-suite-0"
	anonymous        = "anonymous"
	noPassword       = "no-password"
	factory          = "factory-account"
	silent           = "silent"
	noSecret         = "unreadable-secret"
	wrongPassword    = "wrong-password"
	locked           = "locked"
	passwordChange   = "password-change"
	privilegeLow     = "privilege-low"
	refusedCert      = "certificate-refused"
	refusedTLS       = "old-tls-refused"
	clockFar         = "clock-far"
	noSession        = "no-session"
	loginFailed      = "login-failed"
	suiteZeroOffered = "cipher-suite-0-offered"
	nameless         = "nameless-user"
	weakSuites       = "weak-cipher-suites"
	certExpired      = "certificate-expired"
	certExpires      = "certificate-expires"
	certKey          = "certificate-key"
	certUnpinned     = "certificate-unpinned"
	oldFirmware      = "old-firmware"
	clockOff         = "clock-off"
	logFull          = "log-full"
	overrideLeft     = "override-left"
	unlisted         = "not-in-inventory"
	noBMC            = "no-bmc"
	tooMuch          = "administrator"
	beside           = "ipmi-beside-redfish"
	tlsFailed        = "tls-failed"
	oldTLS           = "old-tls"
	logFilling       = "log-filling"
	noClock          = "clock-unreadable"
)

// A kind is what all findings of one kind have in common.
type kind struct {
	name     string
	severity provision.Severity
	what     string
	why      string
	remedy   provision.Remedy
}

// kinds returns all kinds, worst first.
func kinds() []kind { return slices.Concat(open(), unusable(), faults(), notes()) }

// open are the kinds of BMCs that let strangers in.
func open() []kind {
	return []kind{
		{
			suiteZero, provision.Critical, "The BMC accepts logins by cipher suite 0, which has no password.",
			"A stranger that reaches the BMC needs only a user's name to control the box.",
			provision.Remedy{Text: "Disable cipher suite 0 in the BMC's IPMI settings, or give it no privilege."},
		},
		{
			anonymous, provision.Critical, "A user with neither name nor password is enabled.",
			"A stranger that reaches the BMC may log in.",
			provision.Remedy{Text: "Disable the user without a name in the BMC's user settings."},
		},
		{
			noPassword, provision.Critical, "The BMC allows IPMI 1.5 logins without authentication.",
			"A stranger that reaches the BMC may log in.",
			provision.Remedy{Text: "Disable the authentication type none in the BMC's IPMI settings, or IPMI 1.5 altogether."},
		},
		{
			factory, provision.Critical, "The BMC has the factory account of its maker.",
			"Factory passwords are in every manual, and scanners try them first.",
			provision.Remedy{Text: "Give that user another password, or disable it. If the inventory uses it, change the secret too."},
		},
	}
}

// unusable are the kinds of BMCs that rackhand can't use, or that can't be believed.
func unusable() []kind {
	look := func(text string) provision.Remedy {
		return provision.Remedy{Text: text, Command: "rackhand power HOST status"}
	}
	const blind = "rackhand can neither switch the box nor see its state."
	return []kind{
		{silent, provision.Critical, "The BMC doesn't answer.", blind, look("Check its address, cable and switch port, and that IPMI over LAN or Redfish is enabled. Then:")},
		{noSecret, provision.Critical, "The secret with the BMC's password can't be read.", blind, provision.Remedy{Text: "Write the secret that `bmc.password` names. This says where it is looked for:", Command: "rackhand check"}},
		{wrongPassword, provision.Critical, "The BMC refuses the inventory's user or password.", blind, look("Correct `bmc.user`, or the secret that `bmc.password` names. Then:")},
		{locked, provision.Critical, "The BMC has locked the account after failed logins.", blind, look("Find the program that uses an old password, and wait until the lock ends. Then:")},
		{passwordChange, provision.Critical, "The BMC wants its password changed first.", "Until then it refuses all commands.", provision.Remedy{Text: "Set another password, and write it to the secret that `bmc.password` names:", Command: "rackhand bmc users HOST --set USER --password-file FILE --yes"}},
		{privilegeLow, provision.Critical, "The account has less than operator privilege.", "The BMC refuses to switch the power and to set the boot device.", look("Give the account operator privilege over LAN. Then:")},
		{
			refusedCert, provision.Critical, "rackhand refuses the BMC's certificate.",
			"It sends no password to a BMC whose certificate is unknown or has changed.",
			provision.Remedy{Text: "Compare the fingerprint with the one on the BMC's own page. If it is the same:", Command: "rackhand set hosts.HOST.bmc.fingerprint FINGERPRINT"},
		},
		{
			refusedTLS, provision.Critical, "The BMC needs an old TLS version or cipher, which rackhand refuses.", blind,
			provision.Remedy{Text: "Update the BMC's firmware. If there is no newer one:", Command: "rackhand set hosts.HOST.bmc.old_tls true"},
		},
		{
			clockFar, provision.Critical, "The BMC's clock is off by more than a day.",
			"Its event log has wrong dates, and it takes valid certificates for expired.",
			provision.Remedy{Text: "Name a time server in the BMC's settings, and look at its battery."},
		},
	}
}

// faults are the kinds of warnings.
func faults() []kind {
	return []kind{
		{
			noSession, provision.Warning, "The BMC has no session free.",
			"rackhand's commands wait or fail.",
			provision.Remedy{Text: "Close other programs' sessions, or reset the BMC. Then:", Command: "rackhand power HOST status"},
		},
		{
			loginFailed, provision.Warning, "The BMC answers, but the login or a command fails.",
			"rackhand may not be able to switch the box.",
			provision.Remedy{Text: "The command shows the whole error:", Command: "rackhand power HOST status"},
		},
		{
			suiteZeroOffered, provision.Warning, "The BMC offers cipher suite 0, which has no password.",
			"It refused the inventory's user, but may accept another one.",
			provision.Remedy{Text: "Disable cipher suite 0 in the BMC's IPMI settings, or give it no privilege."},
		},
		{
			nameless, provision.Warning, "A user without a name is enabled.",
			"A stranger needs to guess the password alone, and logs show no name.",
			provision.Remedy{Text: "Disable the user without a name in the BMC's user settings."},
		},
		{
			weakSuites, provision.Warning, "The BMC offers cipher suites without encryption, or with a weak one.",
			"A program that asks for such a suite sends its commands readably.",
			provision.Remedy{Text: "Keep only the cipher suites 17 and 3 enabled in the BMC's IPMI settings."},
		},
		{
			certExpired, provision.Warning, "The BMC's certificate has expired.",
			"Programs that check dates refuse the BMC.",
			provision.Remedy{Text: "Make a new certificate on the BMC's page. If the inventory has its fingerprint, change that too."},
		},
		{
			certExpires, provision.Warning, "The BMC's certificate expires within 30 days.",
			"Programs that check dates will refuse the BMC.",
			provision.Remedy{Text: "Make a new certificate on the BMC's page. If the inventory has its fingerprint, change that too."},
		},
		{
			certKey, provision.Warning, "The key of the BMC's certificate is too short.",
			"Current TLS libraries refuse it, and it can be computed.",
			provision.Remedy{Text: "Make a certificate with RSA of 2048 bits or more, or ECDSA, on the BMC's page."},
		},
		{
			certUnpinned, provision.Warning, "The BMC's certificate is self-signed, and the inventory doesn't pin it.",
			"rackhand doesn't use Redfish there, because another machine could pretend to be the BMC.",
			provision.Remedy{Text: "Compare the fingerprint with the one on the BMC's own page. If it is the same:", Command: "rackhand set hosts.HOST.bmc.fingerprint FINGERPRINT"},
		},
		{
			tlsFailed, provision.Warning, "The BMC answers on the port of Redfish, but TLS fails.",
			"Neither Redfish nor the BMC's own page can be used.",
			provision.Remedy{Text: "Make a new certificate in the BMC's settings, or update its firmware."},
		},
		{
			oldFirmware, provision.Warning, "Most BMCs of the same model run a newer firmware.",
			"Known holes stay open, and the BMC behaves unlike its neighbours.",
			provision.Remedy{Text: "Update the BMC's firmware to that of its neighbours."},
		},
		{
			clockOff, provision.Warning, "The BMC's clock is off by more than a minute.",
			"The times in its event log don't fit those of other logs.",
			provision.Remedy{Text: "Name a time server in the BMC's settings."},
		},
		{
			logFull, provision.Warning, "The BMC's event log is full.",
			"New entries are lost, so the next fault leaves no trace.",
			provision.Remedy{Text: "Keep what matters of the log, and clear it:", Command: "rackhand bmc log HOST --clear --yes"},
		},
		{
			overrideLeft, provision.Warning, "A boot override is in force, and no install is under way.",
			"At its next start the box doesn't boot its disk.",
			provision.Remedy{Text: "Unless you set it on purpose:", Command: "rackhand bmc boot HOST none"},
		},
		{
			unlisted, provision.Warning, "A BMC answers at an address that is not in the inventory.",
			"rackhand neither watches it nor knows its account.",
			provision.Remedy{Text: "Find its box, and name the BMC in the inventory:", Command: "rackhand bmc add HOST ADDRESS"},
		},
		{
			noBMC, provision.Warning, "The host has no BMC in the inventory.",
			"rackhand can't start its installs: a person has to press the button.",
			provision.Remedy{Text: "If the box has a BMC:", Command: "rackhand bmc add HOST ADDRESS --user USER --password-file FILE"},
		},
	}
}

// notes are the kinds that are only worth knowing.
func notes() []kind {
	return []kind{
		{
			tooMuch, provision.Note, "The account is an administrator, and operator is enough.",
			"A password that leaks gives away the BMC's users and network too.",
			provision.Remedy{Text: "Give the account operator privilege. If it shall be an administrator, set `bmc.privilege: administrator`."},
		},
		{
			beside, provision.Note, "IPMI is enabled beside Redfish.",
			"IPMI gives a hash of a user's password to any machine that asks, and such a hash can be guessed at leisure.",
			provision.Remedy{Text: "If no other program needs it, disable IPMI over LAN, and set `bmc.protocol: redfish`."},
		},
		{
			oldTLS, provision.Note, "The BMC supports only TLS 1.1 or older, or RSA key exchange.",
			"Recorded traffic can be decrypted later, and current browsers refuse it.",
			provision.Remedy{Text: "Update the BMC's firmware. Until then Redfish needs `bmc.old_tls: true`."},
		},
		{
			logFilling, provision.Note, "The BMC's event log is more than 80 % full.",
			"Once it is full, new entries are lost, or replace old ones.",
			provision.Remedy{Text: "Keep what matters of the log, and clear it:", Command: "rackhand bmc log HOST --clear --yes"},
		},
		{
			noClock, provision.Note, "The BMC's clock can't be read.",
			"The times in its event log can't be compared with those of other logs.",
			provision.Remedy{Text: "Look at the clock on the BMC's page."},
		},
	}
}
