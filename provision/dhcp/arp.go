package dhcp

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"rackhand/inventory"
)

// arpLen is the length of an ARP packet for IPv4 over Ethernet, without the frame's
// header and padding, in bytes.
const arpLen = 28

// arpProbe builds the frame that asks which machine has an address (RFC 5227 section
// 2.1.1). The sender's own address is zero, so no ARP cache learns a wrong entry.
func arpProbe(src inventory.MAC, addr netip.Addr) []byte {
	f := make([]byte, etherLen+arpLen)
	copy(f[0:6], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	copy(f[6:12], src[:])
	binary.BigEndian.PutUint16(f[12:], 0x0806)
	a := f[etherLen:]
	binary.BigEndian.PutUint16(a[0:], 1)      // Ethernet
	binary.BigEndian.PutUint16(a[2:], 0x0800) // IPv4
	a[4], a[5] = 6, 4
	binary.BigEndian.PutUint16(a[6:], 1) // request
	copy(a[8:14], src[:])
	target := addr.As4()
	copy(a[24:28], target[:])
	return f
}

// arpSender reads which address the sender of an ARP request or reply claims as its own. A
// probe like ours claims none.
func arpSender(f []byte) (addr netip.Addr, mac inventory.MAC, ok bool) {
	if len(f) < etherLen+arpLen || binary.BigEndian.Uint16(f[12:]) != 0x0806 {
		return addr, mac, false
	}
	a := f[etherLen:]
	op := binary.BigEndian.Uint16(a[6:])
	if binary.BigEndian.Uint16(a[0:]) != 1 || binary.BigEndian.Uint16(a[2:]) != 0x0800 || a[4] != 6 || a[5] != 4 || op != 1 && op != 2 {
		return addr, mac, false
	}
	addr, mac = netip.AddrFrom4([4]byte(a[14:18])), inventory.MAC(a[8:14])
	return addr, mac, !addr.IsUnspecified()
}

// neighboursEvery is the shortest time between two reads of the kernel's neighbour table.
const neighboursEvery = 250 * time.Millisecond

// neighbours are the addresses on a link whose hardware address the kernel knows.
type neighbours struct {
	index int
	mu    sync.Mutex
	read  time.Time // monotonic
	known map[netip.Addr]bool
}

// has reports whether the kernel knew an address's hardware address a moment ago.
func (n *neighbours) has(addr netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.read) < neighboursEvery {
		return n.known[addr]
	}
	n.read = time.Now()
	list, err := netlink.NeighList(n.index, netlink.FAMILY_V4)
	if err != nil {
		return n.known[addr] // keep the previous list
	}
	n.known = make(map[netip.Addr]bool, len(list))
	for _, x := range list {
		if a := addrOf(x.IP); a.IsValid() && x.State&^(netlink.NUD_INCOMPLETE|netlink.NUD_FAILED) != 0 {
			n.known[a] = true
		}
	}
	return n.known[addr]
}
