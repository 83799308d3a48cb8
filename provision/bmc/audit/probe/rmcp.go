// Package probe asks a BMC what it tells without a login: which IPMI logins it allows,
// which cipher suites, its certificate, its Redfish service. It sends no command that
// changes anything, and no password.
package probe

import (
	"encoding/binary"
	"errors"
)

// Places and values of packets: IPMI 2.0 §13.1.3 (RMCP), table 13-8 (both session headers),
// §13.8 (message).
const (
	formatV15  = 0x00 // authentication type none
	formatV20  = 0x06 // RMCP+
	v15Header  = 4 + 10
	v20Header  = 4 + 12
	netFnApp   = 0x06 << 2
	bmcSlave   = 0x20
	remote     = 0x81
	messageMin = 8 // addresses, function, two checksums, sequence, command, completion code

	payloadMessage = 0x00
	payloadOpen    = 0x10
	payloadRAKP1   = 0x12
	payloadRAKP3   = 0x14
	answers        = 0x01 // an answer's payload type is its request's plus 1 (table 13-16)
)

var errNotAnswer = errors.New("not the awaited answer")

// message is an IPMI request to the BMC's application.
func message(command byte, data ...byte) []byte {
	m := []byte{bmcSlave, netFnApp, 0, remote, 0, command}
	m[2] = -(m[0] + m[1])
	m = append(m, data...)
	return append(m, checksum(m[3:]))
}

func checksum(b []byte) byte {
	var sum byte
	for _, x := range b {
		sum += x
	}
	return -sum
}

// v15 wraps a message as IPMI 1.5 outside a session.
func v15(m []byte) []byte {
	b := make([]byte, v15Header, v15Header+len(m))
	b[0], b[2], b[3], b[4], b[13] = 0x06, 0xff, 0x07, formatV15, byte(len(m))
	return append(b, m...)
}

// v20 wraps a payload as RMCP+ outside a session.
func v20(kind byte, payload []byte) []byte {
	b := make([]byte, v20Header, v20Header+len(payload))
	b[0], b[2], b[3], b[4], b[5] = 0x06, 0xff, 0x07, formatV20, kind
	binary.LittleEndian.PutUint16(b[14:], uint16(len(payload)))
	return append(b, payload...)
}

// payloadOf returns the payload of an answer outside a session, and its type; that of IPMI
// 1.5 is payloadMessage.
func payloadOf(b []byte) (kind byte, payload []byte, err error) {
	if len(b) < v15Header || b[0] != 0x06 || b[3] != 0x07 {
		return 0, nil, errNotAnswer
	}
	header, length := v15Header, int(b[13])
	switch {
	case b[4] == formatV20 && len(b) >= v20Header && b[5]&0xc0 == 0:
		kind, header, length = b[5], v20Header, int(binary.LittleEndian.Uint16(b[14:]))
	case b[4] != formatV15:
		return 0, nil, errNotAnswer
	}
	if length > len(b)-header {
		return 0, nil, errNotAnswer
	}
	return kind, b[header : header+length], nil
}

// dataOf returns the data of the answer to a command that succeeded.
func dataOf(b []byte, command byte) ([]byte, error) {
	kind, m, err := payloadOf(b)
	if err != nil {
		return nil, err
	}
	if kind != payloadMessage || len(m) < messageMin || m[1]&^0x03 != netFnApp|0x04 || m[5] != command || checksum(m[3:]) != 0 {
		return nil, errNotAnswer
	}
	if m[6] != 0 {
		return nil, refusedError(m[6])
	}
	return m[7 : len(m)-1], nil
}
