package ipmi

import (
	"encoding/binary"

	"github.com/bougou/go-ipmi/pkg/crypto"
	"github.com/bougou/go-ipmi/pkg/types"
)

// goodbyes is how often a goodbye without an answer is sent: the network may lose some.
const goodbyes = 5

// abandon drops a login that didn't succeed, or a session that is silent, and closes the
// socket. What the BMC keeps of it would block it for a minute: it is told, without waiting
// for an answer.
func (l *link) abandon() {
	for _, d := range l.guard.goodbye() {
		for range goodbyes {
			_, _ = l.guard.Conn.Write(d)
		}
	}
	_ = l.guard.Close()
}

// goodbye makes the datagrams that end what the BMC has opened: Close Session, if it may regard
// the session as open because only its last answer was lost, and RAKP Message 3 with an error
// status for a login in the middle (IPMI 2.0 §13.22). Before RAKP Message 2 there is nothing to
// send: pyghmi's BMC ends at an early RAKP Message 3. BMCs drop such logins when they need room.
func (g *guard) goodbye() (all [][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == 0 || g.k1 == nil {
		return nil
	}
	id := g.opened
	if g.rakp3 {
		if d, err := g.closeSession(id); err == nil {
			all = append(all, d)
		}
	}
	failed := make([]byte, setupError)
	failed[1] = byte(types.RmcpStatusCodeInvalidIntegrityCheckValue)
	binary.LittleEndian.PutUint32(failed[4:], id)
	return append(all, setup(payloadRAKP3, failed))
}

// closeSession is a sealed Close Session (IPMI 2.0 §22.19), for when the library doesn't
// regard the session as open. Its sequence number is beyond those in use.
func (g *guard) closeSession(id uint32) ([]byte, error) {
	return g.command(types.CommandCloseSession, id, g.lastSeq+1, binary.LittleEndian.AppendUint32(nil, id))
}

// command is a sealed command.
func (g *guard) command(cmd types.Command, id, seq uint32, data []byte) ([]byte, error) {
	m := []byte{types.BMC_SA, byte(cmd.NetFn) << 2, 0, types.RemoteConsole_SWID, 0xfc, cmd.ID}
	m[2] = checksum(m[:2])
	m = append(m, data...)
	m = append(m, checksum(m[3:]))
	return g.seal(payloadIPMI, m, id, seq)
}

// checksum is that of IPMI 2.0 §13.8.
func checksum(b []byte) (sum byte) {
	for _, c := range b {
		sum -= c
	}
	return sum
}

// seal makes a message of this payload type one of the session's (IPMI 2.0 table 13-8).
func (g *guard) seal(kind byte, message []byte, id, seq uint32) ([]byte, error) {
	payload, err := crypto.EncryptAESPayload(message, g.k2, crypto.RandomBytes(16))
	if err != nil {
		return nil, err
	}
	b := []byte{0x06, 0, 0xff, 0x07, 0x06, flagSealed | kind}
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, seq)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, payload...)
	pad := byte(0)
	for ; (len(b)-rmcpHeader+2)%4 != 0; pad++ {
		b = append(b, 0xff)
	}
	b = append(b, pad, 7)
	code, err := crypto.SessionIntegrityAuthCode(g.integrity, b[rmcpHeader:], g.k1, g.password)
	return append(b, code...), err
}

// sessionID is the BMC's id of the session, as Close Session takes it.
func (g *guard) sessionID() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return binary.LittleEndian.AppendUint32(nil, g.opened)
}

// repeated reports whether a message of the login was sent or came more than once.
func (g *guard) repeated() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sentAgain
}

// note remembers the session that the BMC has opened; a second one, for the copy of a request,
// isn't used. A second answer to RAKP Message 1 has another random number than the one in use.
func (g *guard) note(kind byte, payload []byte) {
	switch {
	case kind == payloadRAKP2 && g.expect == payloadRAKP4:
		g.sentAgain = true
	case kind == payloadOpenResp && kind == g.expect && len(payload) >= 12 && payload[1] == 0 && binary.LittleEndian.Uint32(payload[4:]) == g.consoleID:
		g.opened = binary.LittleEndian.Uint32(payload[8:])
	}
}
