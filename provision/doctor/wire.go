package doctor

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"golang.org/x/net/bpf"

	"rackhand/inventory"
	"rackhand/provision/dhcpwire"
)

// Lengths of headers and the UDP ports of DHCP (RFC 2131 section 4.1).
const (
	etherLen   = 14
	ipLen      = 20
	udpLen     = 8
	serverPort = 67
	clientPort = 68
)

// A question is one of the DISCOVERs that are asked: some servers answer only one
// kind of client.
type question int

const (
	asPlain question = iota // a computer that wants an address
	asBIOS                  // PXE firmware, x86 BIOS
	asUEFI                  // PXE firmware, x64 UEFI
	questions
)

func (q question) pxe() bool { return q != asPlain }

// discover builds the DISCOVER of a question (RFC 2131 section 3.1, RFC 4578). It sets the
// broadcast flag, because many links would lose an answer to an address that isn't in use.
func discover(q question, mac inventory.MAC, xid dhcpv4.TransactionID) []byte {
	p := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet, TransactionID: xid,
		ClientHWAddr: mac.HardwareAddr(), Options: dhcpv4.Options{},
		ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IPv4zero,
	}
	p.SetBroadcast()
	put := func(code dhcpv4.OptionCode, value ...byte) { p.UpdateOption(dhcpv4.OptGeneric(code, value)) }
	put(dhcpv4.OptionDHCPMessageType, byte(dhcpv4.MessageTypeDiscover))             // 53
	put(dhcpv4.OptionParameterRequestList, 1, 3, 6, 12, 15, 43, 51, 54, 60, 66, 67) // 55
	put(dhcpv4.OptionMaximumDHCPMessageSize, 0x05, 0xc0)                            // 57: 1472
	if !q.pxe() {
		return p.ToBytes()
	}
	arch, class := byte(iana.INTEL_X86PC), "PXEClient:Arch:00000:UNDI:002001"
	if q == asUEFI {
		arch, class = byte(iana.EFI_X86_64), "PXEClient:Arch:00007:UNDI:003016"
	}
	put(dhcpv4.OptionClassIdentifier, []byte(class)...)            // 60
	put(dhcpv4.OptionClientSystemArchitectureType, 0, arch)        // 93
	put(dhcpv4.OptionClientNetworkInterfaceIdentifier, 1, 3, 16)   // 94
	put(dhcpv4.OptionClientMachineIdentifier, make([]byte, 17)...) // 97: as firmware without a UUID says
	return p.ToBytes()
}

// frame wraps a DISCOVER into a broadcast Ethernet frame from 0.0.0.0 (RFC 894,
// 791, 768). src is the link's own hardware address and not the made-up one of the
// DISCOVER: hypervisors drop frames with a foreign one, and a switch with port
// security shuts the port for it.
func frame(src inventory.MAC, payload []byte) []byte {
	f := make([]byte, etherLen+ipLen+udpLen, etherLen+ipLen+udpLen+len(payload))
	for i := range 6 {
		f[i] = 0xff
	}
	copy(f[6:12], src[:])
	binary.BigEndian.PutUint16(f[12:], 0x0800) // IPv4

	ip := f[etherLen:]
	ip[0] = 0x45 // version 4, five words
	binary.BigEndian.PutUint16(ip[2:], uint16(ipLen+udpLen+len(payload)))
	ip[8] = 64 // time to live
	ip[9] = 17 // UDP
	copy(ip[16:20], []byte{255, 255, 255, 255})
	binary.BigEndian.PutUint16(ip[10:], checksum(ip[:ipLen]))

	udp := ip[ipLen:]
	binary.BigEndian.PutUint16(udp[0:], clientPort)
	binary.BigEndian.PutUint16(udp[2:], serverPort)
	// The checksum stays 0: not computed (RFC 768). It is optional over IPv4.
	binary.BigEndian.PutUint16(udp[4:], uint16(udpLen+len(payload)))
	return append(f, payload...)
}

// checksum is the Internet checksum of an even number of bytes (RFC 1071).
func checksum(b []byte) uint16 {
	var s uint32
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}

// An offer is one answer to a question, as it came.
type offer struct {
	q      question
	mac    inventory.MAC // of the frame
	source netip.Addr    // of the datagram
	packet *dhcpv4.DHCPv4
}

// errNotOurs means that a frame doesn't answer any of our questions.
var errNotOurs = errors.New("no answer to a question of ours")

// parse reads a frame as an answer to one of the questions, which differ in their
// transaction ids. The frame is untrusted. Checksums are not checked: on virtual links they
// are often left to a card that doesn't exist.
func parse(f []byte, xids [questions]dhcpv4.TransactionID) (offer, error) {
	var o offer
	if len(f) < etherLen+ipLen+udpLen || binary.BigEndian.Uint16(f[12:]) != 0x0800 {
		return o, errNotOurs
	}
	copy(o.mac[:], f[6:12])
	ip := f[etherLen:]
	header, length := int(ip[0]&0xf)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || ip[9] != 17 || header < ipLen || length < header+udpLen || length > len(ip) {
		return o, errNotOurs
	}
	if binary.BigEndian.Uint16(ip[6:])&0x3fff != 0 {
		return o, errNotOurs // a fragment
	}
	o.source = netip.AddrFrom4([4]byte(ip[12:16]))
	udp := ip[header:length] // without the padding of a short frame
	if binary.BigEndian.Uint16(udp[2:]) != clientPort {
		return o, errNotOurs
	}
	// A server may put options into the fields of the header (option 52), or omit the End
	// option. Clients accept such offers.
	plain, err := dhcpwire.Plain(udp[udpLen:])
	if err != nil {
		return o, err
	}
	p, err := dhcpv4.FromBytes(plain)
	if err != nil {
		return o, err
	}
	if p.OpCode != dhcpv4.OpcodeBootReply || p.MessageType() != dhcpv4.MessageTypeOffer {
		return o, errNotOurs
	}
	for q, xid := range xids {
		if p.TransactionID == xid {
			o.q, o.packet = question(q), p
			return o, nil
		}
	}
	return o, errNotOurs
}

// filter passes UDP datagrams to port 68, except later fragments. So a busy link costs
// nothing.
func filter() ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0x0800, SkipTrue: 8},
		bpf.LoadAbsolute{Off: etherLen + 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 17, SkipTrue: 6},
		bpf.LoadAbsolute{Off: etherLen + 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 4},
		bpf.LoadMemShift{Off: etherLen}, // X: the IP header's length
		bpf.LoadIndirect{Off: etherLen + 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: clientPort, SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{Val: 0},
	})
}
