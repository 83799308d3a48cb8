// Package dhcpwire rewrites DHCP packets with unusual options into the form that parsers
// accept: all options in the options field, complete, and with an End. Clients do send the
// other forms, and two widely used servers accept them.
package dhcpwire

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The layout of a packet (RFC 2131 section 2), in bytes.
const (
	nameAt    = 44  // sname, 64 bytes
	fileAt    = 108 // file, 128 bytes
	cookieAt  = 236
	optionsAt = 240
	cookie    = 0x63825363 // RFC 1497
)

// Options that matter here (RFC 2132 sections 3.1, 3.2, 9.3, 9.6).
const (
	pad         = 0
	overload    = 52 // 1: file holds options, 2: sname does, 3: both do
	messageType = 53
	end         = 255
)

// ErrBroken means that a packet's options break off, or have no End, before a message type.
var ErrBroken = errors.New("its options break off before a message type (option 53)")

// Plain returns the packet with plain options. They are those of the options field, then of
// file and sname where option 52 says that these hold options (RFC 2131 section 4.1; the
// order is that of RFC 3396 section 5). An option that is cut off, and a missing End, end
// the list. A packet that is plain already, or isn't DHCP, is returned unchanged; otherwise
// the result is a copy. The error is ErrBroken.
func Plain(packet []byte) ([]byte, error) {
	if len(packet) <= optionsAt || binary.BigEndian.Uint32(packet[cookieAt:]) != cookie {
		return packet, nil
	}
	own := read(packet[optionsAt:])
	if own.ended && own.overload == 0 {
		return packet, nil
	}
	p := bytes.Clone(packet[:optionsAt])
	parts := []options{own}
	if own.overload&1 != 0 {
		parts = append(parts, read(p[fileAt:cookieAt]))
	}
	if own.overload&2 != 0 {
		parts = append(parts, read(p[nameAt:fileAt]))
	}
	typed := false
	for _, o := range parts {
		p = append(p, o.whole...)
		typed = typed || o.typed
	}
	if !own.ended && !typed {
		return nil, ErrBroken
	}
	if own.overload&1 != 0 {
		clear(p[fileAt:cookieAt])
	}
	if own.overload&2 != 0 {
		clear(p[nameAt:fileAt])
	}
	return append(p, end), nil
}

// options are the options of a field.
type options struct {
	whole    []byte // up to the End, or the last complete option; points into the field
	ended    bool   // an End was read
	typed    bool   // a message type is among them
	overload byte   // the value of option 52, 0 to 3
}

func read(field []byte) (o options) {
	for b := field; len(b) > 0; {
		code, n := b[0], 1
		switch {
		case code == end:
			o.ended = true
			return o
		case code != pad:
			if len(b) < 2 || len(b) < 2+int(b[1]) {
				return o
			}
			n = 2 + int(b[1])
		}
		switch {
		case code == messageType && n == 3:
			o.typed = true
		case code == overload && n == 3 && b[2] <= 3:
			o.overload = b[2]
		}
		b = b[n:]
		o.whole = field[:len(field)-len(b)]
	}
	return o
}
