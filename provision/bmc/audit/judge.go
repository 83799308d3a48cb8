package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/audit/probe"
)

// A clock that is off by less than clockSlack is right: the answer itself takes seconds, and
// IPMI's has none smaller.
const (
	clockSlack = time.Minute
	clockDay   = 24 * time.Hour
	mostZone   = 15 * time.Hour // more than any time zone is off
	expirySoon = 30 * 24 * time.Hour
	fullAbove  = 80 // percent of an event log
)

// A verdict takes the findings about one BMC.
type verdict struct {
	of    Facts
	kinds map[string]kind
	found []provision.Finding
}

func (v *verdict) add(name, detail string) {
	k := v.kinds[name]
	v.found = append(v.found, provision.Finding{
		Severity: k.severity, Kind: k.name, What: k.what, Why: k.why, Remedy: k.remedy,
		BMCs: []provision.FaultyBMC{{Host: v.of.Host, Address: v.of.Address, Detail: detail}},
	})
}

// Judge finds what is wrong, each finding with one BMC, in the order of the BMCs. now is the
// appliance's clock.
func Judge(all []Facts, now time.Time) []provision.Finding {
	byName := map[string]kind{}
	for _, k := range kinds() {
		byName[k.name] = k
	}
	var out []provision.Finding
	for _, f := range all {
		v := &verdict{of: f, kinds: byName}
		v.place()
		v.login()
		v.ipmi()
		v.certificate(now)
		v.session()
		if newer := newerThan(f, all); newer != "" {
			v.add(oldFirmware, fmt.Sprintf("%s, others have %s", f.Session.Firmware, newer))
		}
		out = append(out, v.found...)
	}
	return out
}

// place is about where the BMC is.
func (v *verdict) place() {
	if v.of.NoBMC {
		v.add(noBMC, "")
	}
	if v.of.Unlisted != "" {
		v.add(unlisted, v.of.Unlisted)
	}
}

// login is about whether the inventory's account gets in, and with which privilege.
func (v *verdict) login() {
	if v.of.Factory != "" {
		v.add(factory, "user "+v.of.Factory)
	}
	if v.of.Locked != "" {
		v.add(locked, v.of.Locked)
	}
	f := v.of.Failure
	if f == nil {
		return
	}
	switch f.Why {
	case bmc.WhyAddress, bmc.WhySilence:
		v.add(silent, v.answers())
	case whySecret:
		v.add(noSecret, "")
	case bmc.WhyPassword:
		v.add(wrongPassword, v.of.User)
	case bmc.WhyLocked:
		v.add(locked, v.of.User)
	case bmc.WhyPasswordChange:
		v.add(passwordChange, v.of.User)
	case bmc.WhyPrivilege:
		v.add(privilegeLow, v.of.User)
	case bmc.WhyCertificate:
		v.add(refusedCert, v.fingerprint())
	case whyOldTLS:
		v.add(refusedTLS, "")
	case bmc.WhySessions:
		v.add(noSession, "")
	default:
		v.add(loginFailed, f.Text)
	}
}

// answers says what a BMC answers that is silent to logins.
func (v *verdict) answers() string {
	var what []string
	if v.of.IPMI != nil {
		what = append(what, "IPMI")
	}
	if v.of.HTTPS != nil {
		what = append(what, "TLS")
	}
	if len(what) == 0 {
		return ""
	}
	return "answers " + strings.Join(what, " and ") + ", but no login"
}

func (v *verdict) fingerprint() string {
	if v.of.HTTPS == nil {
		return ""
	}
	return v.of.HTTPS.Certificate.Fingerprint
}

// ipmi is about what IPMI allows, and users without a name.
func (v *verdict) ipmi() {
	i, s := v.of.IPMI, v.of.Session
	switch {
	case i != nil && i.Anonymous:
		v.add(anonymous, "")
	case i != nil && i.Nameless, s != nil && s.Nameless:
		v.add(nameless, "")
	}
	if i == nil {
		return
	}
	switch i.Zero {
	case probe.ZeroAccepted:
		v.add(suiteZero, "")
	case probe.ZeroOffered:
		v.add(suiteZeroOffered, "")
	}
	if i.NoPassword {
		v.add(noPassword, "")
	}
	var weak []string
	for _, suite := range i.Suites {
		if suite != 0 && !slices.Contains(goodSuites(), suite) {
			weak = append(weak, fmt.Sprint(suite))
		}
	}
	if len(weak) > 0 {
		v.add(weakSuites, strings.Join(weak, ", "))
	}
	if v.of.HTTPS != nil && v.of.HTTPS.Redfish {
		v.add(beside, "")
	}
}

// goodSuites are the cipher suites that encrypt by AES (IPMI 2.0 table 22-20).
func goodSuites() []int { return []int{3, 8, 12, 17} }

// certificate is about TLS.
func (v *verdict) certificate(now time.Time) {
	if v.of.NoTLS != "" {
		v.add(tlsFailed, v.of.NoTLS)
	}
	if v.of.HTTPS == nil {
		return
	}
	c := v.of.HTTPS.Certificate
	switch left := c.NotAfter.Sub(now); {
	case left < 0:
		v.add(certExpired, "on "+c.NotAfter.UTC().Format(time.DateOnly))
	case left < expirySoon:
		v.add(certExpires, "on "+c.NotAfter.UTC().Format(time.DateOnly))
	}
	if c.Key == "RSA" && c.Bits < 2048 {
		v.add(certKey, fmt.Sprintf("%s, %d bits", c.Key, c.Bits))
	}
	refused := v.of.Failure != nil && v.of.Failure.Why == bmc.WhyCertificate
	if c.SelfSigned && !v.of.Pinned && !refused && v.of.HTTPS.Redfish && v.of.Unlisted == "" {
		v.add(certUnpinned, c.Fingerprint)
	}
	if v.of.HTTPS.OldTLS {
		v.add(oldTLS, "")
	}
}

// session is about what the BMC tells after a login.
func (v *verdict) session() {
	s := v.of.Session
	if s == nil {
		return
	}
	if s.MustReset && (v.of.Failure == nil || v.of.Failure.Why != bmc.WhyPasswordChange) {
		v.add(passwordChange, v.of.User)
	}
	switch {
	case s.Privilege == bmc.Administrator && v.of.Wanted != bmc.Administrator:
		v.add(tooMuch, v.of.User)
	case s.Privilege == bmc.User:
		v.add(privilegeLow, v.of.User)
	}
	switch {
	case s.NoClock != "":
		v.add(noClock, s.NoClock)
	case s.Unset:
		v.add(clockFar, "not set")
	}
	if s.Ahead != nil {
		v.clock(*s.Ahead)
	}
	if l := s.Log; l != nil {
		switch {
		case l.Full:
			v.add(logFull, counted(l.Entries))
		case l.Percent > fullAbove:
			v.add(logFilling, fmt.Sprintf("%d %%", l.Percent))
		}
	}
	// An install leaves the disk as the device on purpose.
	if b := s.Boot; b != nil && b.Valid && b.Device != bmc.None && b.Device != bmc.Disk && !v.of.Busy {
		v.add(overrideLeft, b.String())
	}
}

func counted(entries int) string {
	if entries == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", entries)
}

func (v *verdict) clock(ahead time.Duration) {
	how := "ahead"
	off := ahead
	if off < 0 {
		how, off = "behind", -off
	}
	detail := provision.Roughly(off) + " " + how
	// Time zones differ by half hours, and IPMI's clock has none (IPMI 2.0 §31.10).
	if rest := (off + clockSlack) % (30 * time.Minute); off < mostZone && rest < 2*clockSlack {
		detail += ", as local time may be"
	}
	switch {
	case off > clockDay:
		v.add(clockFar, detail)
	case off > clockSlack:
		v.add(clockOff, detail)
	}
}
