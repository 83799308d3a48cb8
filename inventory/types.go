// Package inventory is what the operator declares: hosts, groups, systems and
// networks in YAML. A folder of files is loaded, validated whole and becomes an
// immutable [Snapshot]; a bad edit never replaces a good one.
package inventory

import (
	"net/netip"
	"time"
)

// A Snapshot is one validated state of the inventory. It is immutable: everyone
// may read it, nobody may write to it, and a reload makes a new one.
type Snapshot struct {
	// Revision names this state: a hash over the files it was read from.
	Revision string
	// Dir is the inventory's folder, where roles/ and templates/ lie too.
	Dir string

	Networks map[string]*Network
	Systems  map[string]*System
	Hosts    map[string]*Host

	// origins tell where the hosts' settings come from, for Explain.
	origins map[string]origins
}

// A Network is a link that hosts stand on.
type Network struct {
	Name    string
	Subnet  netip.Prefix
	Gateway netip.Addr   // invalid (zero) when there is none
	DNS     []netip.Addr // option 6
	NTP     []netip.Addr // option 42
	Domain  string       // option 15
	// Leases is the range for boxes that nobody has claimed; zero when there is none.
	Leases Range
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
}

// The engines that carry out a Kickstart.
const (
	InstallerImage    = "image"
	InstallerAnaconda = "anaconda"
)

// A Policy says who may arm an install of a host.
type Policy string

// The policies. FirstBoot arms a host that was never installed by itself at its
// first network boot; OnRequest leaves that to the operator.
const (
	FirstBoot Policy = "first-boot"
	OnRequest Policy = "on-request"
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
	Role      string // "" when it has none
	Install   Policy
	Budget    time.Duration // from power-on to serving; 15 min by default
	BMC       *BMC          // nil when it has none
	Rack      *RackPlace    // nil when not given
	// Disk names the disk to install to (sda, /dev/disk/by-id/...); "" means the
	// only one there is.
	Disk string
	// Variables are the operator's own, for templates and roles. Values are
	// string, []any or map[string]any; a scalar is the text as the operator wrote
	// it, so 0644, NO and 1.10 stay what they are.
	Variables map[string]any
	// Line is where the host stands: file:line:column.
	Line string
}

// A BMC is the baseboard management controller of a host.
type BMC struct {
	Address  netip.AddrPort // port 623 unless given
	User     string
	Password SecretRef
}

// A SecretRef names a secret that is kept outside the inventory.
type SecretRef string

// A RackPlace is where a host stands.
type RackPlace struct {
	Name string
	Unit int
}
