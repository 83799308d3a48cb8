// Package inventory reads what the operator declares: hosts, groups, systems and
// networks in YAML. A folder of files is loaded, validated whole and becomes an
// immutable [Snapshot]; a bad edit never replaces a good one.
package inventory

import (
	"net/netip"
	"time"

	"rackhand/config/schema"
)

// A Snapshot is one validated state of the inventory. It is immutable: everyone
// may read it; it is never changed, and a reload makes a new one.
type Snapshot struct {
	// Revision names this state: a hash over the files it was read from.
	Revision string
	// Dir is the inventory's folder, where roles/ and templates/ lie too.
	Dir string

	Networks map[string]*Network
	Systems  map[string]*System
	Hosts    map[string]*Host
	// Authorities are the files of certificates that the BMCs' ca names, as PEM.
	Authorities map[string][]byte

	// origins tell where the hosts' settings come from, for Explain.
	origins map[string]*sources
	// places tell where networks and systems stand, by "network rack1".
	places map[string]places
	// files are the texts of the files by their names.
	files map[string]*schema.File
	// index answers lookups; nil in a snapshot that wasn't loaded.
	index *index
}

// A Network is a link that hosts stand on.
type Network struct {
	Name    string
	Subnet  netip.Prefix
	Gateway netip.Addr   // invalid (zero) without one
	DNS     []netip.Addr // option 6
	NTP     []netip.Addr // option 42
	Domain  string       // option 15
	// Leases is the range for unclaimed boxes; zero without one.
	Leases Range
	// DHCP is the appliance's mode on this network; "" means DHCPAuthoritative.
	DHCP DHCPMode
	// AllowOtherDHCP lets it be authoritative where another DHCP server answers.
	AllowOtherDHCP bool
	// UnclaimedWait is how long a box outside the inventory waits at its boot program to be
	// claimed; 0: it doesn't wait.
	UnclaimedWait time.Duration
	LeaseTime     time.Duration // option 51; 0: the server's default
	Search        []string      // option 119
	MTU           int           // option 26, bytes; 0 when not given
	Routes        []Route       // option 121
	// Answer is how answer files are handed out to its hosts that say nothing themselves;
	// "" when it isn't given.
	Answer AnswerPolicy
	// Options are raw options by number, as they stand on the wire.
	Options map[uint8][]byte
}

// A Route is a classless static route (RFC 3442).
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// A DHCPMode is the mode of the appliance's DHCP server on a network.
type DHCPMode string

// The modes. A proxy adds only the boot options; another DHCP server assigns the addresses
// (PXE specification 2.1, section 2.2).
const (
	DHCPAuthoritative DHCPMode = "authoritative"
	DHCPProxy         DHCPMode = "proxy"
	DHCPOff           DHCPMode = "off"
)

// Mode is the network's mode, never empty.
func (n *Network) Mode() DHCPMode {
	if n.DHCP == "" {
		return DHCPAuthoritative
	}
	return n.DHCP
}

// A Range is an inclusive range of addresses.
type Range struct{ First, Last netip.Addr }

// A System is an operating system that can be installed.
type System struct {
	Name      string
	Installer string // InstallerImage or InstallerAnaconda
	Release   string // a Kickstart release such as RHEL9; for images may be empty
	Image     string // the root image's name, for InstallerImage
	Media     string // the media's name, for InstallerAnaconda
	// Arch is the processor that its kernel runs on; "" means ArchAMD64.
	Arch string
	// Unsupported says how InstallerImage treats parts of a Kickstart that it can't carry out:
	// UnsupportedRefuse or UnsupportedSkip; "" means UnsupportedRefuse.
	Unsupported string
}

// The treatments of Kickstart parts that a system's engine can't carry out.
const (
	UnsupportedRefuse = "refuse" // it is an error
	UnsupportedSkip   = "skip"   // a part is skipped if that isn't dangerous
)

// Skips reports whether parts that can't be carried out are skipped.
func (s *System) Skips() bool { return s.Unsupported == UnsupportedSkip }

// The processors that systems are made for, by Debian's names.
const (
	ArchAMD64 = "amd64"
	ArchARM64 = "arm64"
)

// Processor is the system's processor, never empty.
func (s *System) Processor() string {
	if s.Arch == "" {
		return ArchAMD64
	}
	return s.Arch
}

// The engines that carry out a Kickstart.
const (
	InstallerImage    = "image"
	InstallerAnaconda = "anaconda"
)

// A Policy says which event may arm an install of a host.
type Policy string

// The policies. FirstBoot arms a host that was never installed automatically, at its first
// network boot. With OnRequest only the operator arms it. With Never the host can't be
// installed: it only gets its address.
const (
	FirstBoot Policy = "first-boot"
	OnRequest Policy = "on-request"
	Never     Policy = "never"
)

// An AnswerPolicy says when a host may have its answer file.
type AnswerPolicy string

// The policies. GiveAnswer sends the answer file to a client once its link proves that it
// is the host. ConfirmAnswer also waits until the operator confirms that.
const (
	GiveAnswer    AnswerPolicy = "give"
	ConfirmAnswer AnswerPolicy = "confirm"
)

// A Host is a box in the inventory with the layers (defaults, system, group,
// host) already merged.
type Host struct {
	Name    string
	MACs    []MAC // at least one; the first is the one it boots from unless it says otherwise
	Address netip.Addr
	Network *Network // the network that Address lies in
	Group   string   // "" when it is in none
	System  *System  // nil when none is given: such a host is never installed
	// Kickstart names the template, looked up in the inventory's templates/ and
	// then among the built-in ones.
	Kickstart string
	// Roles are in the order in which they are converged, each once; nil without one.
	Roles   []string
	Install Policy
	Answer  AnswerPolicy
	Budget  time.Duration // from power-on to serving; 15 min by default
	BMC     *BMC          // nil without a BMC
	Rack    *RackPlace    // nil when not given
	Boot    Boot
	// Disk names the disk to install to (sda, /dev/disk/by-id/...); "" means the
	// only one there is.
	Disk string
	// Variables are the operator's own, for templates and roles. Values are
	// string, SecretRef, []any or map[string]any; a scalar is the text as the
	// operator wrote it, so 0644, NO and 1.10 stay as they are.
	Variables map[string]any
	// Maintenance is when a change may restart its services.
	Maintenance Maintenance
	// Line is where the host stands: file:line:column.
	Line string
}

// Boot holds the exceptions on a host's way from its firmware to the kernel. The zero
// value means no exception.
type Boot struct {
	// Program is the boot program instead of the usual one for its firmware; given
	// for a card whose own ROM is iPXE, that ROM loads it first.
	Program string
	Console string   // kernel's console=, such as ttyS1,115200n8; "" for the usual ones
	Args    []string // further arguments of the installer's kernel
	VLAN    int      // 802.1Q id that it goes on in after its firmware, 1..4094; 0: none
	// SecureBoot: its firmware starts signed programs only. DHCP can't tell, so the
	// operator says it.
	SecureBoot bool
	// Proxy is how a proxy answers its firmware.
	Proxy ProxyForm
}

// A ProxyForm is the form of a proxy's offer.
type ProxyForm string

// The forms. By ProxyPXE the offer itself says what to load (option 43 with
// sub-option 6 = 8); by ProxyBINL the client asks for it on port 4011. "" means
// ProxyPXE.
const (
	ProxyPXE  ProxyForm = "pxe"
	ProxyBINL ProxyForm = "binl"
)

// A BMC is the baseboard management controller of a host.
type BMC struct {
	Address netip.AddrPort // port 623 unless given; 443 where Redfish alone is spoken
	// MAC is its own port's: that its DHCP requests are answered with Address. Zero when
	// it isn't given, for a BMC that has its address otherwise.
	MAC      MAC
	User     string
	Password SecretRef

	Protocol  string        // auto, ipmi or redfish
	Privilege string        // of a login: operator or administrator
	Settle    time.Duration // in which a box must reach a new power state
	Quirks    []string      // in what the BMC differs from its standard: "no-readback", "mode: never"
	// Vendors are quirks of BMCs by their vendor.
	Vendors     map[string][]string
	System      string // which of several systems behind the BMC: its Redfish id
	Fingerprint string // SHA-256 of the BMC's certificate, 64 hex digits
	CA          []byte // PEM: the authorities of the BMC's certificate
	OldTLS      bool   // RSA key exchange and TLS 1.0 too
	Setup       bool   // the installer gives the BMC its address, user and password
	Console     string // auto, sol or off
}

// A SecretRef names a secret that is kept outside the inventory.
type SecretRef string

// A RackPlace is where a host stands.
type RackPlace struct {
	Name string
	Unit int
}

// MACTexts are the host's MACs as text, 52:54:00:00:00:01, in the inventory's order.
func (h *Host) MACTexts() []string {
	var out []string
	for _, m := range h.MACs {
		out = append(out, m.String())
	}
	return out
}
