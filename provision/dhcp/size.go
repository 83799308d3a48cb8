package dhcp

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// required are options that a valid reply, or a client that boots, can't do without.
var required = [256]bool{
	1: true, 3: true, 43: true, 51: true, 53: true, 54: true, 56: true, 58: true, 59: true, 60: true, 61: true,
	66: true, 67: true, 82: true, 97: true, 175: true,
}

// The options that fit drops first, and those that it drops last.
var (
	dropFirst = []uint8{119, 42, 15, 12}
	dropLast  = []uint8{121, 26, 6}
)

// fit encodes a reply within the size that every client accepts (RFC 2131 section 2: 576
// bytes with the IP and UDP headers), or that this client named in option 57. When the
// reply is too long, it omits options: first names and clocks, then the operator's options
// by number, the biggest first, then routes (option 3 remains), MTU and name servers.
func fit(reply, req *dhcpv4.DHCPv4) []byte {
	const least = 576
	most := least
	if said := req.Options[dhcpv4.OptionMaximumDHCPMessageSize.Code()]; len(said) == 2 {
		most = max(least, min(int(binary.BigEndian.Uint16(said)), 1472)) // RFC 2132 section 9.10; at most one frame
	}
	b := encode(reply)
	if len(b)+ipLen+udpLen <= most {
		return b
	}
	for _, code := range droppable(reply.Options) {
		delete(reply.Options, code)
		if b = encode(reply); len(b)+ipLen+udpLen <= most {
			break
		}
	}
	return b
}

// droppable lists the options that a reply can do without, in the order in which fit drops
// them.
func droppable(o dhcpv4.Options) []uint8 {
	var first, middle, last []uint8
	for _, code := range dropFirst {
		if _, ok := o[code]; ok {
			first = append(first, code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(o)) {
		if !required[code] && !slices.Contains(dropFirst, code) && !slices.Contains(dropLast, code) {
			middle = append(middle, code)
		}
	}
	slices.SortStableFunc(middle, func(a, b uint8) int { return len(o[b]) - len(o[a]) })
	for _, code := range dropLast {
		if _, ok := o[code]; ok {
			last = append(last, code)
		}
	}
	return slices.Concat(first, middle, last)
}
