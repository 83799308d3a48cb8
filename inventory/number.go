package inventory

import (
	"encoding/binary"
	"net/netip"
)

// Number is an IPv4 address as a number, to count with: the next address is one more.
func Number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// AddressOf is the IPv4 address with a number.
func AddressOf(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}
