package ipmi

import (
	"encoding/binary"
	"log/slog"
	"net"
	"sync"

	"github.com/bougou/go-ipmi/pkg/crypto"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// A guard stands between the network and go-ipmi's client and lets through only answers to
// the last request. The library decrypts in-session answers without checking their
// integrity code (IPMI 2.0 §13.28.4), and takes any algorithm that the other side names. It
// also panics on some malformed packets, in goroutines of its own, where a caller can't
// recover.
//
// It reads along during the login and derives the same session keys.
type guard struct {
	net.Conn
	user, password string
	auth           types.AuthAlg
	integrity      types.IntegrityAlg
	crypt          types.CryptAlg
	log            *slog.Logger

	mu          sync.Mutex
	expect      byte // payload type of the answer awaited
	consoleID   uint32
	consoleRand [16]byte
	role        byte
	k1, k2      []byte // nil until RAKP message 2
	opened      uint32 // the BMC's id of the session
	rakp3       bool   // the login's last message was sent
	sentAgain   bool   // a message of the login went out twice
	lastSeq     uint32 // of the last sealed message
	dropped     string // why answers to the last message were dropped, if any was malformed
}

// RMCP+ payload types, IPMI 2.0 table 13-16.
const (
	payloadIPMI     = 0x00
	payloadOpenReq  = 0x10
	payloadOpenResp = 0x11
	payloadRAKP1    = 0x12
	payloadRAKP2    = 0x13
	payloadRAKP3    = 0x14
	payloadRAKP4    = 0x15
)

// Sizes and places in a packet, IPMI 2.0 tables 13-8 to 13-14.
const (
	rmcpHeader   = 4
	headerSize   = rmcpHeader + 12 // with RMCP+'s session header
	flagSealed   = 0xc0            // encrypted and authenticated
	openRespSize = 36
	setupError   = 8  // an answer that carries an error ends after the session id
	setupStatus  = 2  // tag and status: all that some BMCs send of a refusal
	rakp2Size    = 40 // without the key exchange code
	maxDatagram  = 2048
)

// notAwaited is why a late or doubled answer is dropped.
const notAwaited = "not the answer awaited"

func newGuard(conn net.Conn, t bmc.Target, suite types.CipherSuiteID, log *slog.Logger) (*guard, error) {
	auth, integrity, crypt, ok := types.GetCipherSuiteAlgorithms(suite)
	if !ok {
		return nil, &bmc.Error{Kind: bmc.ErrCipher}
	}
	return &guard{
		Conn: conn, user: t.User, password: t.Password,
		auth: auth, integrity: integrity, crypt: crypt, log: log,
	}, nil
}

// Write sends a datagram and notes what it asks.
func (g *guard) Write(b []byte) (int, error) {
	g.mu.Lock()
	g.sent(b)
	g.mu.Unlock()
	return g.Conn.Write(b)
}

// Read returns the next datagram that is an answer. The deadline that the
// library sets ends it.
func (g *guard) Read(b []byte) (int, error) {
	buf := make([]byte, maxDatagram)
	for {
		n, err := g.Conn.Read(buf)
		if err != nil {
			return 0, err
		}
		g.mu.Lock()
		answer, why := g.judge(buf[:n])
		if why != "" && why != notAwaited {
			g.dropped = why
		}
		g.mu.Unlock()
		if why == "" {
			return copy(b, answer), nil
		}
		g.log.Debug("datagram from a BMC dropped", "from", g.RemoteAddr(), "reason", why)
	}
}

// malformed says why the answers to the last message were dropped; "" if none was malformed.
func (g *guard) malformed() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dropped
}

// sent reads the client's own packet.
func (g *guard) sent(b []byte) {
	if len(b) < headerSize {
		return
	}
	payload := b[headerSize:]
	g.dropped = ""
	switch b[5] & 0x3f {
	case payloadOpenReq:
		g.expect = payloadOpenResp
		g.k1, g.k2 = nil, nil
		if len(payload) >= 8 {
			g.consoleID = binary.LittleEndian.Uint32(payload[4:])
		}
	case payloadRAKP1:
		g.sentAgain = g.sentAgain || g.expect == payloadRAKP2
		g.expect = payloadRAKP2
		if len(payload) >= 28 {
			copy(g.consoleRand[:], payload[8:])
			g.role = payload[24]
		}
	case payloadRAKP3:
		g.sentAgain = g.sentAgain || g.expect == payloadRAKP4
		g.expect, g.rakp3 = payloadRAKP4, true
	default:
		g.expect, g.lastSeq = payloadIPMI, binary.LittleEndian.Uint32(b[10:])
	}
}

// judge returns the datagram for the library, or the reason why this one isn't the awaited
// answer. It brings every refusal of the login into the form of IPMI 2.0 tables 13-11 to
// 13-14.
func (g *guard) judge(b []byte) (answer []byte, why string) {
	if len(b) < headerSize || b[0] != 0x06 || b[3] != 0x07 || b[4] != 0x06 {
		return nil, "not RMCP+"
	}
	payload := b[headerSize:]
	kind := b[5] & 0x3f
	g.note(kind, payload)
	length := int(binary.LittleEndian.Uint16(b[14:]))
	if length > len(payload) {
		return nil, "shorter than it says"
	}
	payload = payload[:length]
	if kind != g.expect {
		return nil, notAwaited
	}
	if kind == payloadIPMI {
		return b, g.refuseSealed(b, payload)
	}
	if kind == payloadRAKP4 && b[5]&flagSealed == flagSealed {
		// OpenIPMI's BMC seals it if it sends it again: the session is open then.
		plain, why := g.unseal(b, payload)
		if why != "" {
			return nil, why
		}
		return g.judge(setup(kind, plain))
	}
	if b[5]&flagSealed != 0 || binary.LittleEndian.Uint32(b[6:]) != 0 {
		return nil, "malformed login"
	}
	if length >= setupStatus && payload[1] != 0 {
		// Only its code is read. OpenIPMI's BMC ends its refusals here.
		return g.refusal(kind, payload[1]), ""
	}
	if length < setupError || binary.LittleEndian.Uint32(payload[4:]) != g.consoleID {
		return nil, "of another login"
	}
	switch kind {
	case payloadOpenResp:
		if length < openRespSize {
			return nil, "malformed login"
		}
		if types.AuthAlg(payload[16]) != g.auth || types.IntegrityAlg(payload[24]) != g.integrity || types.CryptAlg(payload[32]) != g.crypt {
			// A counter-offer (pyghmi's BMC): the suite asked for is refused.
			g.log.Debug("BMC offers another cipher suite than was asked for",
				"from", g.RemoteAddr(), "auth", payload[16], "integrity", payload[24], "crypt", payload[32])
			return g.refusal(kind, byte(types.RmcpStatusCodeNoCipherSuiteMatch)), ""
		}
	case payloadRAKP2:
		if length < rakp2Size {
			return nil, "malformed login"
		}
		_, k1, k2, err := crypto.DeriveSessionKeys(g.auth, g.consoleRand[:], payload[8:24], g.role,
			g.user, crypto.PadPassword20([]byte(g.password)))
		if err != nil {
			return nil, "no session keys: " + err.Error()
		}
		g.k1, g.k2 = k1, k2
	}
	return b, ""
}

// refusal is a whole answer that refuses a step of the login.
func (g *guard) refusal(kind, status byte) []byte {
	payload := make([]byte, setupError)
	payload[1] = status
	binary.LittleEndian.PutUint32(payload[4:], g.consoleID)
	return setup(kind, payload)
}

// setup is a message of a login.
func setup(kind byte, payload []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(payload))
	b[0], b[2], b[3], b[4], b[5] = 0x06, 0xff, 0x07, 0x06, kind
	binary.LittleEndian.PutUint16(b[14:], uint16(len(payload)))
	return append(b, payload...)
}

// refuseSealed checks an in-session answer's integrity code and that its payload
// decrypts to something well-formed.
func (g *guard) refuseSealed(b, payload []byte) string {
	plain, why := g.unseal(b, payload)
	// rsAddr, NetFn, checksum, rqAddr, sequence, command, code, checksum.
	if why == "" && len(plain) < 8 {
		return "no IPMI message inside"
	}
	return why
}

// unseal checks the integrity code of an in-session datagram and decrypts its payload, or
// says why that can't be done.
func (g *guard) unseal(b, payload []byte) (plain []byte, why string) {
	size, ok := crypto.IntegrityAuthCodeLen(g.integrity)
	if !ok || g.k1 == nil || b[5]&flagSealed != flagSealed {
		return nil, "not sealed by the session's keys"
	}
	// After the payload: padding, its length, next header, the code.
	if len(b) < headerSize+len(payload)+2+size {
		return nil, "no room for its integrity code"
	}
	end := len(b) - size
	want, err := crypto.SessionIntegrityAuthCode(g.integrity, b[rmcpHeader:end], g.k1, g.password)
	if err != nil || !crypto.Equal(want, b[end:]) {
		return nil, "its integrity code is wrong"
	}
	if plain, err = crypto.DecryptAESPayload(payload, g.k2); err != nil {
		return nil, "it doesn't decrypt"
	}
	return plain, ""
}
