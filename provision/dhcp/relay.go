package dhcp

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision"
)

// The sub-options of option 82 that matter here.
const (
	subCircuit  = 1  // RFC 3046 section 3.1: the port that the client is on
	subRemote   = 2  // RFC 3046 section 3.2: the switch, mostly
	subLink     = 5  // RFC 3527: the client's subnet, where giaddr is in another
	subServerID = 11 // RFC 5107: the server identifier that the server must use
)

// relayInfo is the data that relay agents put into a packet. A switch may add option 82 to
// packets of its own link without setting giaddr: then the packet has a location, but no
// relay.
type relayInfo struct {
	addr            netip.Addr // giaddr, where the reply goes; invalid for none
	link            netip.Addr // an address of the client's subnet (82.5, or 118: RFC 3011); invalid when absent
	server          netip.Addr // our server identifier towards the client; invalid when absent
	circuit, remote string     // printable text, or hex; "" when absent
}

// readRelay reads the data of relay agents in a request. The error says why giaddr, where
// the reply would go, can't be a relay's address.
func readRelay(p *dhcpv4.DHCPv4) (relayInfo, error) {
	a := relayInfo{addr: addrOf(p.GatewayIPAddr)}
	if a.addr.IsValid() && !isHostAddress(a.addr) {
		return relayInfo{}, fmt.Errorf("%s can't be a relay's address", a.addr)
	}
	for b := p.Options.Get(dhcpv4.OptionRelayAgentInformation); len(b) >= 2 && len(b) >= 2+int(b[1]); {
		code, value := b[0], b[2:2+int(b[1])]
		b = b[2+int(b[1]):]
		switch {
		case code == subCircuit && a.circuit == "":
			a.circuit = printable(value)
		case code == subRemote && a.remote == "":
			a.remote = printable(value)
		case !a.addr.IsValid():
		// On our own link any client could send these, and pose as a box elsewhere.
		case code == subLink && !a.link.IsValid():
			a.link = addrOf(value)
		case code == subServerID && isHostAddress(addrOf(value)):
			a.server = addrOf(value)
		}
	}
	// RFC 3527 section 3: link selection takes precedence over subnet selection.
	if subnet := p.Options.Get(dhcpv4.OptionSubnetSelection); a.addr.IsValid() && !a.link.IsValid() {
		a.link = addrOf(subnet)
	}
	return a, nil
}

// isHostAddress reports whether an address can be that of a single machine other than this
// one.
func isHostAddress(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsLoopback() && a.As4()[0] != 0 && a.As4()[0] < 224
}

// printable converts a circuit or remote id to text. Many switches send binary ids, which
// become hex. The result has at most 64 characters.
func printable(id []byte) string {
	const most = 64
	s := strings.TrimRight(string(id), "\x00")
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return hex.EncodeToString(id[:min(len(id), most/2)])
	}
	return s[:min(len(s), most)]
}

// recorded converts the data for a lease's record; nil when there is none.
func (a relayInfo) recorded() *provision.Relay {
	r := provision.Relay{Circuit: a.circuit, Remote: a.remote}
	if a.addr.IsValid() {
		r.Address = a.addr.String()
	}
	if r == (provision.Relay{}) {
		return nil
	}
	return &r
}
