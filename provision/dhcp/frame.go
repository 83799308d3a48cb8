package dhcp

import (
	"encoding/binary"
	"net/netip"

	"rackhand/inventory"
)

// Lengths of the headers of a frame, in bytes.
const (
	etherLen = 14
	ipLen    = 20
	udpLen   = 8
)

// frame builds an Ethernet II frame that holds an IPv4 and a UDP datagram (RFC 894, 791,
// 768). Both addresses must be IPv4.
func frame(src, dst inventory.MAC, from, to netip.AddrPort, payload []byte) []byte {
	f := make([]byte, etherLen+ipLen+udpLen, etherLen+ipLen+udpLen+len(payload))
	copy(f[0:6], dst[:])
	copy(f[6:12], src[:])
	binary.BigEndian.PutUint16(f[12:], 0x0800) // IPv4

	ip := f[etherLen:]
	srcIP, dstIP := from.Addr().As4(), to.Addr().As4()
	ip[0] = 0x45 // version 4, five words
	binary.BigEndian.PutUint16(ip[2:], uint16(ipLen+udpLen+len(payload)))
	ip[8] = 64 // time to live
	ip[9] = 17 // UDP
	copy(ip[12:16], srcIP[:])
	copy(ip[16:20], dstIP[:])
	binary.BigEndian.PutUint16(ip[10:], checksum(ip[:ipLen], 0))

	udp := ip[ipLen:]
	binary.BigEndian.PutUint16(udp[0:], from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(udpLen+len(payload)))
	f = append(f, payload...)

	// The pseudo header: both addresses, the protocol, the length.
	datagram := f[etherLen+ipLen:]
	sum := checksum(datagram, sum(srcIP[:])+sum(dstIP[:])+17+uint32(len(datagram)))
	if sum == 0 {
		sum = 0xffff // zero would mean that no checksum was computed
	}
	binary.BigEndian.PutUint16(datagram[6:], sum)
	return f
}

// checksum is the Internet checksum (RFC 1071) of b; before is the sum of earlier bytes.
func checksum(b []byte, before uint32) uint16 {
	s := before + sum(b)
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}

func sum(b []byte) uint32 {
	var s uint32
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}
