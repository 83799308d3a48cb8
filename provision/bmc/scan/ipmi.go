package scan

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

// RMCP's header: version 1.0, sequence number FFh (no acknowledgement), and the class of the
// message (ASF 2.0 §3.2.2).
const (
	rmcpVersion = 0x06
	classASF    = 0x06
	classIPMI   = 0x07
)

// asfIANA is the enterprise number of the ASF.
const asfIANA = 4542

// ping is RMCP's Presence Ping (ASF 2.0 §3.2.4.2).
func ping() []byte {
	return []byte{rmcpVersion, 0, 0xff, classASF, 0, 0, 0x11, 0xbe, 0x80, 0, 0, 0}
}

// capabilities is Get Channel Authentication Capabilities for this channel, also in IPMI 2.0's
// form, at administrator level (IPMI 2.0 §22.13), outside a session.
func capabilities() []byte {
	const bmc, console, channel, level = 0x20, 0x81, 0x8e, 0x04
	head := []byte{bmc, 0x06 << 2} // responder, App
	body := []byte{console, 0, 0x38, channel, level}
	message := append(append(head, checksum(head)), append(body, checksum(body))...)
	out := []byte{rmcpVersion, 0, 0xff, classIPMI, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(message))}
	return append(out, message...)
}

// checksum makes the sum of the bytes zero (IPMI 2.0 §13.8).
func checksum(b []byte) byte {
	var sum byte
	for _, x := range b {
		sum += x
	}
	return -sum
}

// An ipmiAnswer is what a BMC's answers say.
type ipmiAnswer struct {
	version   string // 2.0, 1.5, asf
	anonymous bool
	vendor    string
}

// add takes one datagram in. It reports whether nothing better can come.
func (a *ipmiAnswer) add(d []byte) bool {
	if len(d) < 4 || d[0] != rmcpVersion {
		return false
	}
	switch d[3] & 0x1f {
	case classASF:
		// Presence Pong (ASF 2.0 §3.2.4.3): its sender's enterprise, and whether it has IPMI.
		if len(d) < 21 || binary.BigEndian.Uint32(d[4:]) != asfIANA || d[8] != 0x40 {
			return false
		}
		if a.vendor == "" {
			a.vendor = vendorOf(binary.BigEndian.Uint32(d[12:]))
		}
		if a.version == "" {
			a.version = "asf"
		}
		return false
	case classIPMI:
		return a.addCapabilities(d)
	}
	return false
}

// addCapabilities reads the answer to Get Channel Authentication Capabilities.
func (a *ipmiAnswer) addCapabilities(d []byte) bool {
	const header = 14 // RMCP, and a session header without authentication
	if len(d) < header || d[4] != 0 {
		return false
	}
	m := d[header:]
	if int(d[header-1]) > len(m) {
		return false
	}
	m = m[:d[header-1]]
	// requester, network function, checksum, responder, sequence, command, completion code
	if len(m) < 8 || m[1]>>2 != 0x07 || m[5] != 0x38 || checksum(m[:2]) != m[2] || checksum(m[3:len(m)-1]) != m[len(m)-1] {
		return false
	}
	a.version = "1.5"
	if m[6] != 0 || len(m) < 7+8+1 { // refused: a BMC all the same
		return true
	}
	data := m[7 : len(m)-1]
	if data[1]&0x80 != 0 && data[3]&0x02 != 0 { // extended data, IPMI 2.0 connections
		a.version = "2.0"
	}
	a.anonymous = data[2]&0x01 != 0
	if v := vendorOf(uint32(data[4]) | uint32(data[5])<<8 | uint32(data[6])<<16); v != "" {
		a.vendor = v
	}
	return true
}

// askIPMI asks twice, because datagrams get lost.
func askIPMI(ctx context.Context, at netip.AddrPort, patience time.Duration) (a ipmiAnswer) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "udp", at.String())
	if err != nil {
		return a
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	buf := make([]byte, 512)
	for range 2 {
		_ = c.SetDeadline(time.Now().Add(patience / 2))
		for _, d := range [][]byte{ping(), capabilities()} {
			if _, err := c.Write(d); err != nil {
				return a // nothing listens there
			}
		}
		for {
			n, err := c.Read(buf)
			if err != nil {
				break
			}
			if a.add(buf[:n]) {
				return a
			}
		}
		if a.version != "" {
			return a
		}
	}
	return a
}
