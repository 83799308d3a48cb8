package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// Zero is a BMC's answer to a login by cipher suite 0, which has no password.
type Zero string

// The answers.
const (
	ZeroRefused  Zero = ""         // or no answer
	ZeroOffered  Zero = "offered"  // a session is opened by it, but not for this user
	ZeroAccepted Zero = "accepted" // the user gets a session without a password
)

// Sizes of payloads, IPMI 2.0 tables 13-10 to 13-12.
const (
	openSize    = 36
	rakp2Size   = 40
	maxUser     = 16
	userLevel   = 0x02 // the least that a session may be for
	byNameAlone = 0x10 // the user is looked up by name, whatever its level
	noResources = 0x01 // RMCP+ status: the console gives up (table 13-15)
)

// zero begins a login by cipher suite 0 and gives it up before a session is open: RAKP message
// 3 then carries an error, upon which the BMC forgets the login (§13.22).
func (p Prober) zero(ctx context.Context, c net.Conn, user string) (Zero, error) {
	var random [20]byte
	if _, err := io.ReadFull(p.Random, random[:]); err != nil {
		return ZeroRefused, fmt.Errorf("random numbers: %w", err)
	}
	console, nonce := random[:4], random[4:]
	var session uint32
	var accepted bool
	err := p.ask(ctx, c, openZero(console), func(b []byte) (err error) {
		session, accepted, err = openedZero(b, console)
		return err
	})
	if err != nil || !accepted {
		return ZeroRefused, silence(ctx, err)
	}
	granted := false
	err = p.ask(ctx, c, rakp1(session, nonce, user), func(b []byte) (err error) {
		granted, err = grantedZero(b, console)
		return err
	})
	_, _ = c.Write(giveUp(session)) // a BMC without it forgets the login after a minute
	if err != nil || !granted {
		return ZeroOffered, silence(ctx, err)
	}
	return ZeroAccepted, nil
}

// silence is the error of a question whose silence is an answer too.
func silence(ctx context.Context, err error) error {
	if errors.Is(err, ErrSilent) && ctx.Err() == nil {
		return nil
	}
	return err
}

// openZero is an RMCP+ Open Session Request for no authentication, no integrity and no
// encryption (table 13-9).
func openZero(console []byte) []byte {
	m := append([]byte{0, userLevel, 0, 0}, console...)
	for kind := range byte(3) {
		m = append(m, kind, 0, 0, 8, 0, 0, 0, 0)
	}
	return v20(payloadOpen, m)
}

// openedZero reads its answer (table 13-10). A BMC that offers another suite refuses this one.
// It has begun a login all the same, and forgets it after a minute: pyghmi's BMC ends at RAKP
// message 3 without message 1.
func openedZero(b, console []byte) (session uint32, accepted bool, err error) {
	m, err := answerTo(payloadOpen, b)
	if err != nil {
		return 0, false, err
	}
	if m[1] != 0 {
		return 0, false, nil
	}
	if len(m) < openSize || string(m[4:8]) != string(console) {
		return 0, false, errNotAnswer
	}
	return binary.LittleEndian.Uint32(m[8:]), m[16] == 0 && m[24] == 0 && m[32] == 0, nil
}

// rakp1 is RAKP message 1 (table 13-11).
func rakp1(session uint32, nonce []byte, user string) []byte {
	user = user[:min(len(user), maxUser)]
	m := binary.LittleEndian.AppendUint32([]byte{0, 0, 0, 0}, session)
	m = append(m, nonce...)
	m = append(m, byNameAlone|userLevel, 0, 0, byte(len(user)))
	return v20(payloadRAKP1, append(m, user...))
}

// grantedZero reads RAKP message 2 (table 13-12).
func grantedZero(b, console []byte) (bool, error) {
	m, err := answerTo(payloadRAKP1, b)
	if err != nil {
		return false, err
	}
	if m[1] != 0 {
		return false, nil
	}
	if len(m) < rakp2Size || string(m[4:8]) != string(console) {
		return false, errNotAnswer
	}
	return true, nil
}

// giveUp is RAKP message 3 with an error.
func giveUp(session uint32) []byte {
	return v20(payloadRAKP3, binary.LittleEndian.AppendUint32([]byte{0, noResources, 0, 0}, session))
}

// answerTo is the payload of a login's answer, of which tag and status are there.
func answerTo(request byte, b []byte) ([]byte, error) {
	kind, m, err := payloadOf(b)
	if err == nil && (kind != request|answers || len(m) < 2) {
		err = errNotAnswer
	}
	return m, err
}
