// Package bmc has the words in which rackhand speaks with baseboard management controllers,
// whichever protocol they speak: a target, a session and what it can do, power states, boot
// overrides, errors. It decides, and sends nothing. The protocols are in packages ipmi and
// redfish; package power does what an operator or an install wants by them.
package bmc

import (
	"log/slog"
	"net/netip"
	"time"

	"rackhand/inventory"
)

// A Protocol is a language of BMCs.
type Protocol string

// The protocols.
const (
	Auto    Protocol = "auto" // find out: Redfish where it is answered, otherwise IPMI
	IPMI    Protocol = "ipmi" // IPMI 2.0 over LAN (RMCP+)
	Redfish Protocol = "redfish"
)

// A Privilege is what a login asks for (IPMI 2.0 §6.8).
type Privilege string

// The privileges. Power and boot device need operator (IPMI 2.0 appendix G), accounts and
// the BMC's own network need administrator.
const (
	User          Privilege = "user"
	Operator      Privilege = "operator"
	Administrator Privilege = "administrator"
)

// AtLeast returns the higher of two privileges; "" is below user.
func (p Privilege) AtLeast(least Privilege) Privilege {
	order := map[Privilege]int{User: 1, Operator: 2, Administrator: 3}
	if order[p] < order[least] {
		return least
	}
	return p
}

// A Target is a BMC with the account to use.
type Target struct {
	Host     string         // the host's name; "" outside the inventory
	Address  netip.AddrPort // port 0: the protocol's own, 623 or 443
	User     string
	Password string // never in an error, a log, or an event
	Protocol Protocol
	// Privilege is what a login asks for: operator when "". An operation that needs
	// administrator asks for that.
	Privilege Privilege
	// System is which of several systems behind one BMC is the host, by its Redfish id; ""
	// for the only one.
	System string
	// The BMC's certificate: one of an authority in CA (PEM), or the one with this SHA-256
	// fingerprint (64 hex digits). With neither, no certificate is trusted.
	CA          []byte
	Fingerprint string
	// OldTLS also allows RSA key exchange and TLS 1.0 (BMCs from before 2015).
	OldTLS bool
	// Settle bounds the time in which a box must reach the new power state: 60 s when 0.
	Settle time.Duration
	// Given are the inventory's quirks for a BMC of which this is remembered; nil: none.
	Given func(Memory) []AppliedQuirk
	// Quirks are those in force, for a protocol's driver: package power sets them from the
	// shipped table and from Given.
	Quirks Quirks
	// EFI: the box boots by UEFI, so boot overrides carry the EFI bit.
	EFI bool
	// Box is a card of the box, under which its commands are traced.
	Box inventory.MAC
}

// Trusts reports whether the inventory says which certificate of the BMC to trust.
func (t Target) Trusts() bool { return t.Fingerprint != "" || len(t.CA) > 0 }

// String names the BMC and leaves the account out.
func (t Target) String() string { return t.Address.String() }

// LogValue keeps the password out of logs.
func (t Target) LogValue() slog.Value { return slog.StringValue(t.String()) }

// A Memory is what was found out about a BMC. It is kept in the store under the BMC's
// address, and only makes the next login faster: a BMC that has changed is asked again.
type Memory struct {
	Protocol  Protocol  `json:"protocol,omitempty"` // the one that answered
	Trusted   bool      `json:"trusted,omitempty"`  // when the inventory said which certificate to trust
	Suite     int       `json:"suite,omitempty"`    // IPMI: the cipher suite that worked
	Account   string    `json:"account,omitempty"`  // the account that Privilege is about
	Privilege Privilege `json:"privilege,omitempty"`
	Vendor    string    `json:"vendor,omitempty"` // as it names itself; the shipped quirks go by these three
	Model     string    `json:"model,omitempty"`
	Firmware  string    `json:"firmware,omitempty"`
	Asked     bool      `json:"asked,omitempty"` // for the three: it may have had no answer
	// Sensors are IPMI's names of sensors by their numbers, for the event log. They stay in
	// this process.
	Sensors map[byte]string `json:"-"`
}
