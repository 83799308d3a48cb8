package inventory

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"rackhand/config/schema"
)

// The keys of bmc:, which every layer may give, each for itself. A vendor's quirks are the
// setting bmc.vendors.NAME.
const (
	keyBMCUser        = "bmc.user"
	keyBMCPassword    = "bmc.password"
	keyBMCProtocol    = "bmc.protocol"
	keyBMCPrivilege   = "bmc.privilege"
	keyBMCSettle      = "bmc.settle"
	keyBMCQuirks      = "bmc.quirks"
	bmcVendorPrefix   = "bmc.vendors."
	keyBMCSystem      = "bmc.system"
	keyBMCFingerprint = "bmc.fingerprint" // of a host alone
	keyBMCCA          = "bmc.ca"
	keyBMCOldTLS      = "bmc.old_tls"
	keyBMCSetup       = "bmc.setup"
	keyBMCConsole     = "bmc.console"
)

// The protocols of BMCs.
const (
	ProtocolAuto    = "auto"
	ProtocolIPMI    = "ipmi"
	ProtocolRedfish = "redfish"
)

// How a box's serial console is reached: auto where the BMC is spoken to by IPMI, by serial
// over LAN (IPMI) in any case, or not at all.
const (
	ConsoleAuto = "auto"
	ConsoleSOL  = "sol"
	ConsoleOff  = "off"
)

// The privileges of a BMC's account.
const (
	PrivilegeOperator      = "operator"
	PrivilegeAdministrator = "administrator"
)

const (
	ipmiPort    = 623 // UDP (IPMI 2.0 §13.1.2)
	redfishPort = 443 // TCP
	// maxIPMIUser is the longest user name of IPMI, in bytes (IPMI 2.0 §22.28).
	maxIPMIUser = 16
	// maxBMCUser is the longest user name, in bytes. No known BMC takes more.
	maxBMCUser = 64
	// The bounds of bmc.settle, and its default.
	minSettle     = 5 * time.Second
	maxSettle     = 10 * time.Minute
	defaultSettle = time.Minute
)

// A system's Redfish id is the last part of its address: 1, System.Embedded.1, HGX_Baseboard_0.
var redfishID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,62}$`)

// bmcFields reads a bmc mapping; own reads the keys that a host's has besides.
func (l *loader) bmcFields(what string, n schema.Node, to layer, own schema.Fields) {
	of := what
	what += ": bmc"
	// given keeps what a reader made of a key; nil when it was wrong.
	given := func(key string, read func(what string, n schema.Node) any) func(schema.Node) {
		return func(n schema.Node) {
			to.put(of, key, n, read(what+" "+strings.TrimPrefix(key, "bmc."), n))
		}
	}
	oneOf := func(values ...string) func(string, schema.Node) any {
		return func(what string, n schema.Node) any { return orNil(n.OneOf(what, values...)) }
	}
	truth := func(what string, n schema.Node) any { return orNil(n.Bool(what)) }
	hostsAlone := func(key string) func(schema.Node) {
		return func(n schema.Node) {
			n.Problem("give it to the host; user and password may stand here", "%s: a %s belongs to one host's BMC", of, key)
		}
	}
	fields := schema.Fields{
		"user": given(keyBMCUser, func(what string, n schema.Node) any {
			text, ok := n.Text(what)
			if ok && (len(text) > maxBMCUser || !printable(text)) {
				n.Problem("shorten it, in the BMC too", "%s: it has at most %d printable characters", what, maxBMCUser)
				ok = false
			}
			return orNil(text, ok)
		}),
		"password":  given(keyBMCPassword, func(what string, n schema.Node) any { return orNil(secretRef(what, n)) }),
		"protocol":  given(keyBMCProtocol, oneOf(ProtocolAuto, ProtocolIPMI, ProtocolRedfish)),
		"privilege": given(keyBMCPrivilege, oneOf(PrivilegeOperator, PrivilegeAdministrator)),
		"settle":    given(keyBMCSettle, func(what string, n schema.Node) any { return orNil(n.Duration(what, minSettle, maxSettle)) }),
		"quirks":    given(keyBMCQuirks, func(what string, n schema.Node) any { return orNil(parseQuirks(what, n)) }),
		"vendors": func(n schema.Node) {
			n.Each(what+" vendors", func(name string, key, value schema.Node) {
				if len(name) > 63 || !printable(name) || strings.TrimSpace(name) != name || name == "" {
					key.Problem("write the vendor as `rackhand bmc HOST` shows it, such as Supermicro", "%s vendors: %q can't be a vendor", what, name)
					return
				}
				to.put(of, bmcVendorPrefix+name, value, orNil(parseQuirks(what+" vendor "+name, value)))
			})
		},
		"system": given(keyBMCSystem, func(what string, n schema.Node) any {
			text, ok := n.Text(what)
			if ok && !redfishID.MatchString(text) {
				n.Problem("write the last part of its address: System.Embedded.1 of /redfish/v1/Systems/System.Embedded.1", "%s: %q can't be the id of a system", what, text)
				ok = false
			}
			return orNil(text, ok)
		}),
		"ca":      given(keyBMCCA, func(what string, n schema.Node) any { return orNil(l.readCA(what, n)) }),
		"old_tls": given(keyBMCOldTLS, truth),
		"setup":   given(keyBMCSetup, truth),
		"console": given(keyBMCConsole, oneOf(ConsoleAuto, ConsoleSOL, ConsoleOff)),

		"address":     hostsAlone("address"),
		"mac":         hostsAlone("MAC"),
		"fingerprint": hostsAlone("fingerprint"),
	}
	maps.Copy(fields, own)
	// A misspelt password must not be shown either.
	n.FieldsOr(what, fields, func(_ string, value schema.Node) { value.Hide() })
}

// decodeBMC reads a host's bmc.
func (d *hostDecl) decodeBMC(l *loader, what string, n schema.Node) {
	address := false
	l.bmcFields(what, n, d.layer, schema.Fields{
		"address": func(n schema.Node) {
			address = true
			d.bmcNode = n
			d.bmc, d.bmcPort = parseBMC(what, n)
		},
		"mac": func(n schema.Node) {
			d.bmcMACAt = n
			if text, ok := n.Text(what + ": bmc mac"); ok {
				d.bmcMAC, _ = portMAC(what+": bmc", text, n)
			}
		},
		"fingerprint": func(n schema.Node) {
			d.layer.put(what, keyBMCFingerprint, n, orNil(parseFingerprint(what+": bmc fingerprint", n)))
		},
	})
	if d.bmcMAC != (MAC{}) && !address {
		d.bmcMACAt.Problem("add address: to this bmc, the one that it is to be given", "%s: bmc has a mac and no address", what)
	}
}

// parseBMC reads host or host:port, and reports whether it has a port. Hosts are addresses,
// because names may not resolve before the appliance runs.
func parseBMC(what string, n schema.Node) (ap netip.AddrPort, port bool) {
	text, ok := n.Text(what + ": bmc address")
	if !ok {
		return netip.AddrPort{}, false
	}
	ap, err := netip.ParseAddrPort(text)
	port = err == nil
	if err != nil {
		var a netip.Addr
		a, err = netip.ParseAddr(text)
		ap = netip.AddrPortFrom(a, ipmiPort)
	}
	if err != nil || ap.Port() == 0 || ap.Addr().IsUnspecified() || ap.Addr().IsMulticast() || ap.Addr().Zone() != "" {
		n.Problem("write an address, with a port if it isn't the protocol's own: 10.77.0.111 or 10.77.0.111:6230", "%s: %q is not the address of a BMC", what, text)
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), port
}

// parseFingerprint reads 64 hex digits, with colons or without.
func parseFingerprint(what string, n schema.Node) (string, bool) {
	text, ok := n.Text(what)
	if !ok {
		return "", false
	}
	digits := strings.ToLower(strings.ReplaceAll(text, ":", ""))
	if raw, err := hex.DecodeString(digits); err != nil || len(raw) != 32 {
		hint := "write the SHA-256 of its certificate, as the error of a login shows it"
		if err == nil && len(raw) == 20 {
			hint += "; this is as long as a SHA-1"
		}
		n.Problem(hint, "%s: %q has not 64 hex digits", what, text)
		return "", false
	}
	return digits, true
}

// bmc puts together what the layers say of a host's BMC.
func (l *loader) bmc(d *hostDecl, m merged) *BMC {
	b := &BMC{
		Address: d.bmc, MAC: d.bmcMAC, User: m.text(keyBMCUser),
		Protocol: cmp.Or(m.text(keyBMCProtocol), ProtocolAuto), Privilege: cmp.Or(m.text(keyBMCPrivilege), PrivilegeOperator),
		Settle: defaultSettle, System: m.text(keyBMCSystem), Fingerprint: m.text(keyBMCFingerprint),
		CA: l.authorities[m.text(keyBMCCA)],
	}
	b.Password, _ = m.value(keyBMCPassword).(SecretRef)
	if t, ok := m.value(keyBMCSettle).(time.Duration); ok {
		b.Settle = t
	}
	b.Quirks, _ = m.value(keyBMCQuirks).([]string)
	for _, n := range m.layers {
		for key, s := range n.layer {
			if vendor, ok := strings.CutPrefix(key, bmcVendorPrefix); ok {
				if b.Vendors == nil {
					b.Vendors = map[string][]string{}
				}
				b.Vendors[vendor], _ = s.value.([]string)
			}
		}
	}
	b.OldTLS, _ = m.value(keyBMCOldTLS).(bool)
	b.Setup, _ = m.value(keyBMCSetup).(bool)
	b.Console = cmp.Or(m.text(keyBMCConsole), ConsoleAuto)
	return b
}

// checkBMCUser finds a user name that is too long for IPMI. Each name is reported once.
func (l *loader) checkBMCUser(what string, m merged, reported map[string]bool) {
	user := m.text(keyBMCUser)
	if len(user) <= maxIPMIUser || m.text(keyBMCProtocol) == ProtocolRedfish {
		return
	}
	for i := len(m.layers) - 1; i >= 0; i-- {
		s, ok := m.layers[i].layer[keyBMCUser]
		if !ok {
			continue
		}
		if at := fmt.Sprint(s.node.At()); !reported[at] {
			reported[at] = true
			s.node.Problem("shorten it, in the BMC too; a BMC that speaks Redfish alone may keep it: write protocol: redfish",
				"%s: the user of its BMC has %d characters, and IPMI takes at most %d", what, len(user), maxIPMIUser)
		}
		return
	}
}
