package doctor

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A Kind is the role of an answerer.
type Kind string

// The kinds. A PXE answerer gives no addresses and adds boot options to what another
// server gives (PXE specification 2.1, section 2.2).
const (
	Server     Kind = "dhcp"      // gives addresses, and nothing to boot
	BootServer Kind = "dhcp+boot" // gives addresses, and firmware something to boot
	PXE        Kind = "pxe"       // gives firmware something to boot, and no addresses
)

// An Answerer is a server that answered, and with what. Texts of it are a stranger's,
// made printable and short.
type Answerer struct {
	Kind Kind `json:"kind"`
	// Server is its id (option 54), or the datagram's source address without that option.
	Server netip.Addr `json:"server"`
	// Source and MAC are the datagram's and the frame's: its own, or its relay's.
	Source netip.Addr `json:"source"`
	MAC    string     `json:"mac"`
	// Relay is the agent that it answered through (giaddr); invalid when it stands on
	// the link itself.
	Relay netip.Addr `json:"relay,omitzero"`
	// Offers is the address that it offered; invalid for a PXE answerer.
	Offers netip.Addr `json:"offers,omitzero"`
	Router netip.Addr `json:"router,omitzero"`
	// BootFile is the file that firmware loads (file field or option 67), NextServer its
	// server (siaddr), Class its option 60.
	BootFile   string     `json:"boot_file,omitempty"`
	NextServer netip.Addr `json:"next_server,omitzero"`
	Class      string     `json:"class,omitempty"`
	// Ours: it is this machine.
	Ours bool `json:"ours,omitempty"`
}

// answerers gathers offers by the server that sent them, in the order of their
// addresses.
func answerers(offers []offer) []Answerer {
	var all []Answerer
	for _, o := range offers {
		id := address(o.packet.ServerIdentifier())
		if !id.IsValid() {
			id = o.source
		}
		mac := o.mac.String()
		i := slices.IndexFunc(all, func(a Answerer) bool { return a.Server == id && a.MAC == mac })
		if i < 0 {
			i = len(all)
			all = append(all, Answerer{Server: id, Source: o.source, MAC: mac, Kind: PXE})
		}
		all[i].add(o)
	}
	slices.SortStableFunc(all, func(a, b Answerer) int { return a.Server.Compare(b.Server) })
	return all
}

// add takes in what one offer says. A server may answer a plain client with an
// address, and firmware with that and a boot file.
func (a *Answerer) add(o offer) {
	p := o.packet
	if relay := address(p.GatewayIPAddr); relay.IsValid() {
		a.Relay = relay
	}
	if given := address(p.YourIPAddr); given.IsValid() {
		a.Offers = given
		if a.Kind == PXE {
			a.Kind = Server
		}
		if a.BootFile != "" || pxeClass(a.Class) {
			a.Kind = BootServer
		}
	}
	if routers := p.Router(); len(routers) > 0 {
		a.Router = address(routers[0])
	}
	if next := address(p.ServerIPAddr); next.IsValid() {
		a.NextServer = next
	}
	if file := bootFile(p); file != "" {
		a.BootFile = file
	}
	if class := text(p.Options.Get(dhcpv4.OptionClassIdentifier)); class != "" {
		a.Class = class
	}
	// Its siaddr alone says nothing: many servers always write their own address.
	if a.Kind == Server && (a.BootFile != "" || pxeClass(a.Class)) {
		a.Kind = BootServer
	}
}

// Text says who it is and with what it answers.
func (a Answerer) Text() string {
	var does []string
	switch a.Kind {
	case Server:
		does = append(does, "gives addresses ("+a.Offers.String()+")", "nothing to boot")
	case BootServer:
		does = append(does, "gives addresses ("+a.Offers.String()+")")
	case PXE:
		does = append(does, "gives no addresses")
	}
	if a.Router.IsValid() {
		does = append(does, "router "+a.Router.String())
	}
	if a.BootFile != "" {
		does = append(does, fmt.Sprintf("boot file %q", a.BootFile))
	}
	if a.Kind != Server && a.NextServer.IsValid() && a.NextServer != a.Server {
		does = append(does, "from "+a.NextServer.String())
	}
	if a.Kind != Server && a.Class != "" {
		does = append(does, "option 60 "+a.Class)
	}
	who := a.Server.String()
	switch {
	case a.Relay.IsValid():
		who += " through the relay " + a.Relay.String()
	case a.Source != a.Server:
		who += " at " + a.Source.String()
	}
	return who + " (" + a.MAC + "): " + strings.Join(does, ", ")
}

// bootFile is the file that a packet makes firmware load. As in UEFI, option 67 precedes
// the header's field.
func bootFile(p *dhcpv4.DHCPv4) string {
	if file := text(p.Options.Get(dhcpv4.OptionBootfileName)); file != "" {
		return file
	}
	return text([]byte(p.BootFileName))
}

func pxeClass(class string) bool {
	return strings.HasPrefix(class, "PXEClient") || strings.HasPrefix(class, "HTTPClient")
}

// address reads an address field; the zero Addr when it is empty.
func address(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	if a = a.Unmap(); !ok || !a.Is4() || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// text makes what a stranger said printable and short.
func text(b []byte) string {
	const most = 128
	s := strings.TrimRight(string(b[:min(len(b), most)]), "\x00")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
