package dhcp

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"rackhand/provision/dhcpwire"
)

// The layout of a packet (RFC 2131 section 2), in bytes.
const (
	nameAt    = 44  // 64 bytes
	fileAt    = 108 // 128 bytes
	cookieAt  = 236
	optionsAt = 240
	leastLen  = 300 // some relays and servers drop shorter packets (RFC 951)
)

const cookie = 0x63825363 // RFC 1497

// parse does the same as dhcpv4.FromBytes. That function copies each field and option,
// which was half the cost of an answer; this one points into the packet instead. A packet
// with unusual options is rewritten for the library first: options that are cut off, that
// have no End, or that are in the header's fields (option 52).
func parse(packet []byte) (*dhcpv4.DHCPv4, error) {
	if len(packet) < optionsAt || binary.BigEndian.Uint32(packet[cookieAt:]) != cookie {
		return dhcpv4.FromBytes(packet)
	}
	if p := parsePlain(packet); p != nil {
		return p, nil
	}
	plain, err := dhcpwire.Plain(packet)
	if err != nil {
		return nil, err
	}
	return dhcpv4.FromBytes(plain)
}

// parsePlain reads a packet whose options are plain. It returns nil for others.
func parsePlain(packet []byte) *dhcpv4.DHCPv4 {
	b := packet
	p := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeType(b[0]), HWType: iana.HWType(b[1]), HopCount: b[3],
		TransactionID: dhcpv4.TransactionID(b[4:8]),
		NumSeconds:    binary.BigEndian.Uint16(b[8:]), Flags: binary.BigEndian.Uint16(b[10:]),
		ClientIPAddr: net.IP(b[12:16:16]), YourIPAddr: net.IP(b[16:20:20]),
		ServerIPAddr: net.IP(b[20:24:24]), GatewayIPAddr: net.IP(b[24:28:28]),
		ClientHWAddr:   net.HardwareAddr(b[28 : 28+min(b[2], 16) : 28+16]),
		ServerHostName: header(b[nameAt:fileAt]), BootFileName: header(b[fileAt:cookieAt]),
		Options: make(dhcpv4.Options, 8),
	}
	for b = b[optionsAt:]; len(b) > 0 && b[0] != 255; {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) || b[0] == dhcpv4.OptionOptionOverload.Code() {
			return nil
		}
		code, end := b[0], 2+int(b[1])
		if before, again := p.Options[code]; again || end == 2 {
			p.Options[code] = append(before, b[2:end]...) // RFC 3396; append copies, since the slice's capacity ends with it
		} else {
			p.Options[code] = b[2:end:end]
		}
		b = b[end:]
	}
	if len(b) == 0 { // no end
		return nil
	}
	return p
}

// messageType is p.MessageType (option 53): MessageTypeNone when the option isn't one byte
// long.
func messageType(p *dhcpv4.DHCPv4) dhcpv4.MessageType {
	if v := p.Options[dhcpv4.OptionDHCPMessageType.Code()]; len(v) == 1 {
		return dhcpv4.MessageType(v[0])
	}
	return dhcpv4.MessageTypeNone
}

// requestedAddr is option 50; invalid when it is absent or isn't an IPv4 address.
func requestedAddr(p *dhcpv4.DHCPv4) netip.Addr {
	if v := p.Options[dhcpv4.OptionRequestedIPAddress.Code()]; len(v) == net.IPv4len {
		return addrOf(v)
	}
	return netip.Addr{}
}

// header reads a text of the header, which ends at the first NUL.
func header(field []byte) string {
	if end := bytes.IndexByte(field, 0); end >= 0 {
		field = field[:end]
	}
	return string(field)
}

// encode does the same as p.ToBytes for our replies, in a single allocation. Options are in
// order of their number, with 82 last (RFC 3046 section 2.1). Long ones are split (RFC
// 3396).
func encode(p *dhcpv4.DHCPv4) []byte {
	b := make([]byte, optionsAt, 2*leastLen)
	b[0], b[1], b[2], b[3] = byte(p.OpCode), byte(p.HWType), byte(len(p.ClientHWAddr)), p.HopCount
	copy(b[4:8], p.TransactionID[:])
	binary.BigEndian.PutUint16(b[8:], p.NumSeconds)
	binary.BigEndian.PutUint16(b[10:], p.Flags)
	copy(b[12:16], p.ClientIPAddr.To4())
	copy(b[16:20], p.YourIPAddr.To4())
	copy(b[20:24], p.ServerIPAddr.To4())
	copy(b[24:28], p.GatewayIPAddr.To4())
	copy(b[28:nameAt], p.ClientHWAddr)
	copy(b[nameAt:fileAt-1], p.ServerHostName)
	copy(b[fileAt:cookieAt-1], p.BootFileName)
	binary.BigEndian.PutUint32(b[cookieAt:], cookie)

	const agentInfo = 82
	var there [4]uint64
	for code := range p.Options {
		if code != 0 && code != 255 && code != agentInfo {
			there[code/64] |= 1 << (code % 64)
		}
	}
	for i, word := range there {
		for ; word != 0; word &= word - 1 {
			code := byte(64*i + bits.TrailingZeros64(word))
			b = appendOption(b, code, p.Options[code])
		}
	}
	if info, ok := p.Options[agentInfo]; ok {
		b = appendOption(b, agentInfo, info)
	}
	b = append(b, 255)
	if len(b) < leastLen {
		b = append(b, make([]byte, leastLen-len(b))...)
	}
	return b
}

func appendOption(b []byte, code byte, value []byte) []byte {
	for {
		n := min(len(value), 255)
		b = append(append(b, code, byte(n)), value[:n]...)
		if value = value[n:]; len(value) == 0 {
			return b
		}
	}
}
