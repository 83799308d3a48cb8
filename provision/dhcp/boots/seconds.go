package boots

// Seconds reads the field secs of a client's DISCOVER (RFC 2131 section 2): for how long it
// has asked, in seconds. Two kinds of client use it in their own way.
//   - iPXE writes four times the number of the packet, plus two bits for the offers that it
//     has (src/net/udp/dhcp.c). It waits 1, 2, 4 and 8 s, then 10 s, for an answer.
//   - Some ROMs write the number's bytes in the wrong order (ISC dhcpd corrects them, too).
func Seconds(secs uint16, ipxe bool) int {
	if ipxe {
		packet := int(secs >> 2)
		if packet <= 5 {
			return max(1<<packet/2, 1) - 1
		}
		return 15 + 10*(packet-5)
	}
	if secs > 255 && secs&255 == 0 {
		secs >>= 8
	}
	return int(secs)
}
