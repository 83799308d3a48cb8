package bmc

import "errors"

// Kinds of failure, for errors.Is.
var (
	ErrUnreachable = errors.New("the BMC doesn't answer")
	ErrSilent      = errors.New("the BMC answered, and then fell silent")
	ErrMalformed   = errors.New("the BMC's answers are malformed or forged")
	ErrCredentials = errors.New("the BMC refused the user or the password")
	ErrPrivilege   = errors.New("the BMC grants this account too little privilege")
	ErrSessions    = errors.New("the BMC has no session free")
	ErrCipher      = errors.New("the BMC offers no cipher suite 17 or 3")
	ErrRefused     = errors.New("the BMC refused the command")
	ErrBootDevice  = errors.New("the BMC did not keep the boot device that was set")
	ErrPowerState  = errors.New("the box didn't reach the power state that was set")
	ErrState       = errors.New("the BMC refused the command in the state that the box is in")
	ErrCancelled   = errors.New("the operation was cancelled")
	ErrBusy        = errors.New("another operation on this BMC took too long")
)

// Kinds of failure that a protocol over TLS and HTTP adds, for errors.Is.
var (
	ErrCertificate    = errors.New("the BMC's certificate isn't trusted")
	ErrOldTLS         = errors.New("the BMC and rackhand have no TLS version or cipher in common")
	ErrNoRedfish      = errors.New("the BMC serves no Redfish there")
	ErrLocked         = errors.New("the BMC has locked the account for a while")
	ErrPasswordChange = errors.New("the BMC does nothing before the account's password is changed")
	ErrNotReady       = errors.New("the BMC can't do it at the moment") // try again; Error.RetryAfter
	ErrSystem         = errors.New("the inventory doesn't say which of the BMC's systems the host is")
	ErrAnswer         = errors.New("the BMC's answer can't be used")
)

// Kinds of failure of a serial console, for errors.Is.
var (
	ErrConsoleBusy  = errors.New("another client holds the console")
	ErrConsoleOff   = errors.New("the BMC has its serial console switched off")
	ErrConsoleEnded = errors.New("the BMC ended the console session")
)

// kinds say of each kind why the journal says that it failed, and what the operator does.
var kinds = []kindDoc{
	{ErrUnreachable, WhySilence, "check its address and cable, and that IPMI over LAN is switched on in its settings"},
	{ErrSilent, WhySilence, "wait a minute and try again: the BMC may be restarting, or the network loses packets"},
	{ErrMalformed, WhyOther, "something on the way changes them, or the BMC's firmware is at fault: reset the BMC, then update it"},
	{ErrCredentials, WhyPassword, "check bmc.user and the secret it names; the account needs operator privilege over LAN at least"},
	{ErrPrivilege, WhyPrivilege, HintPrivilege},
	{ErrSessions, WhySessions, "too many tools are logged in; sessions left open end by themselves after a minute, or reset the BMC"},
	{ErrCipher, WhyRefused, "enable cipher suite 17 or 3 in its settings"},
	{ErrRefused, WhyRefused, ""},
	{ErrBootDevice, WhyRefused, "set the boot order in the box's firmware setup, or update the BMC's firmware"},
	{ErrPowerState, WhyState, "look at the box: its power may be locked, faulty, or slower than usual"},
	{ErrState, WhyRefused, ""},
	{ErrCancelled, WhyOther, ""},
	{ErrBusy, WhyBusy, ""},
	{ErrCertificate, WhyCertificate, "give the host `bmc: {fingerprint: ...}` or `bmc: {ca: FILE}`"},
	{ErrOldTLS, WhyCertificate, "update the BMC's firmware, or allow the old ciphers of this one: `bmc: {old_tls: true}`"},
	{ErrNoRedfish, WhyAddress, "switch Redfish on in its settings, or write `bmc: {protocol: ipmi}`"},
	{ErrLocked, WhyLocked, "wait until it unlocks the account (often 5 to 30 minutes), and check bmc.user and the secret before you try again"},
	{ErrPasswordChange, WhyPasswordChange, "change the password of bmc.user on the BMC's own page, and then the secret of the host"},
	{ErrNotReady, WhyBusy, "it is busy, or its box is in its power-on self-test: try again in a minute"},
	{ErrSystem, WhyAddress, "write `bmc: {system: ID}` with one of these ids"},
	{ErrConsoleBusy, WhyBusy, "--takeover detaches that client"},
	{ErrConsoleOff, WhyRefused, "switch serial over LAN on in its settings (`ipmitool sol set enabled true`), and give the account access to it (`ipmitool sol payload enable`)"},
	{ErrConsoleEnded, WhySilence, ""},
	{ErrAnswer, WhyRefused, "check that the address is the BMC's own and no proxy's; a restart of the BMC often helps"},
}

type kindDoc struct {
	kind error
	why  string // one of the constants Why...
	hint string // for the operator; may be ""
}

// kindOf is the row of an error's kind.
func kindOf(err error) kindDoc {
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			return k
		}
	}
	return kindDoc{why: WhyOther}
}
