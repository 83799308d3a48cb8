package dhcp

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision"
)

// The parts of option 82 that matter here.
const (
	subCircuit  = 1  // RFC 3046 section 3.1: the port that the client is on
	subRemote   = 2  // RFC 3046 section 3.2: the switch, mostly
	subLink     = 5  // RFC 3527: the client's subnet, where giaddr is in another
	subServerID = 11 // RFC 5107: what the server is to call itself
)

// An agent is what relay agents put into a packet. A switch may put option 82 into
// packets of its own link and leave giaddr alone: then there is a place and no relay.
type relayInfo struct {
	addr            netip.Addr // giaddr, where the reply goes; invalid for none
	link            netip.Addr // an address of the client's subnet (82.5, or 118: RFC 3011), invalid when not said
	server          netip.Addr // our name towards the client, invalid when not said
	circuit, remote string     // printable text, else hex; "" when not said
}

// readRelay reads what relay agents put into a request. The error says why its
// giaddr can't be a relay's: the reply would go there.
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
			// On our own link anybody could say so, and be taken for a box elsewhere.
		case code == subLink && !a.link.IsValid():
			a.link = addrOf(value)
		case code == subServerID && isHostAddress(addrOf(value)):
			a.server = addrOf(value)
		}
	}
	// RFC 3527 section 3: link selection counts where both are there.
	if subnet := p.Options.Get(dhcpv4.OptionSubnetSelection); a.addr.IsValid() && !a.link.IsValid() {
		a.link = addrOf(subnet)
	}
	return a, nil
}

// machine reports whether an address can be one machine's, that isn't this one.
func isHostAddress(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsLoopback() && a.As4()[0] != 0 && a.As4()[0] < 224
}

// place makes a circuit or remote id readable: as text when it is text, else in
// hex, for many switches write binary. It is cut to 64 characters.
func printable(id []byte) string {
	const most = 64
	s := strings.TrimRight(string(id), "\x00")
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return hex.EncodeToString(id[:min(len(id), most/2)])
	}
	return s[:min(len(s), most)]
}

// relay is the same for a lease; nil when nobody put anything in.
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
