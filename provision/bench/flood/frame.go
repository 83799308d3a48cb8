package flood

import (
	"encoding/binary"
	"net"
	"net/netip"
)

var (
	// BroadcastMAC is Ethernet's broadcast address.
	BroadcastMAC = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	everyone     = netip.AddrFrom4([4]byte{255, 255, 255, 255})
)

// Broadcast is a frame of a box without an address: 0.0.0.0:68 to 255.255.255.255:67.
func Broadcast(from net.HardwareAddr, payload []byte) []byte {
	return Frame(from, BroadcastMAC, netip.AddrPortFrom(netip.IPv4Unspecified(), 68), netip.AddrPortFrom(everyone, 67), payload)
}

// Frame is an Ethernet frame with a UDP datagram in IPv4, without a UDP checksum (RFC 768
// lets the sender leave it out).
func Frame(src, dst net.HardwareAddr, from, to netip.AddrPort, payload []byte) []byte {
	f := make([]byte, 42, 42+len(payload))
	copy(f, dst)
	copy(f[6:], src)
	binary.BigEndian.PutUint16(f[12:], 0x0800)
	ip := f[14:34]
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], uint16(28+len(payload)))
	copy(ip[12:], from.Addr().AsSlice())
	copy(ip[16:], to.Addr().AsSlice())
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum))
	binary.BigEndian.PutUint16(f[34:], from.Port())
	binary.BigEndian.PutUint16(f[36:], to.Port())
	binary.BigEndian.PutUint16(f[38:], uint16(8+len(payload)))
	return append(f, payload...)
}
