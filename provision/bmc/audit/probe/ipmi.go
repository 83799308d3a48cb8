package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// IPMI is what a BMC tells by IPMI without a login.
type IPMI struct {
	// Nameless: a user without a name is enabled; its password isn't empty.
	Nameless bool
	// Anonymous: a user with neither name nor password is enabled.
	Anonymous bool
	// NoPassword: IPMI 1.5 sessions of authentication type none are allowed.
	NoPassword bool
	// Suites are the cipher suites that the BMC lists; nil when it lists none.
	Suites []int
	// Zero is its answer to a login by cipher suite 0.
	Zero Zero
}

// The commands of a BMC that need no session (IPMI 2.0 appendix G).
const (
	getChannelAuthCapabilities = 0x38 // §22.13
	getChannelCipherSuites     = 0x54 // §22.15
)

// The fields of their requests and answers.
const (
	thisChannel   = 0x0e
	extended      = 0x80 // also IPMI 2.0's fields
	administrator = 0x04 // the level that is asked about
	bySuite       = 0x80 // the list has a record for each suite
	perPart       = 16   // bytes of the list in one answer
	mostParts     = 16   // more than 64 suites have
)

// IPMI asks a BMC. The error is ErrSilent when nothing there speaks IPMI. user is a name that
// a login by cipher suite 0 is tried with.
func (p Prober) IPMI(ctx context.Context, at netip.AddrPort, user string) (*IPMI, error) {
	c, err := p.dial(ctx, "udp", at)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var out IPMI
	if err := p.capabilities(ctx, c, &out); err != nil {
		return nil, err
	}
	if out.Suites, err = p.suites(ctx, c); err != nil && ctx.Err() != nil {
		return nil, err
	}
	out.Zero, err = p.zero(ctx, c, user)
	return &out, err
}

// Answers reports whether IPMI is spoken at an address.
func (p Prober) Answers(ctx context.Context, at netip.AddrPort) bool {
	c, err := p.dial(ctx, "udp", at)
	if err != nil {
		return false
	}
	defer c.Close()
	return p.capabilities(ctx, c, &IPMI{}) == nil
}

// capabilities asks for Get Channel Authentication Capabilities (table 22-15), in the form of
// IPMI 1.5, which every BMC reads.
func (p Prober) capabilities(ctx context.Context, c net.Conn, out *IPMI) error {
	return p.ask(ctx, c, v15(message(getChannelAuthCapabilities, extended|thisChannel, administrator)), func(b []byte) error {
		d, err := dataOf(b, getChannelAuthCapabilities)
		if err != nil {
			return err
		}
		if len(d) < 3 {
			return errNotAnswer
		}
		out.NoPassword = d[1]&0x01 != 0
		out.Nameless, out.Anonymous = d[2]&0x02 != 0, d[2]&0x01 != 0
		return nil
	})
}

// suites asks for the list of cipher suites. OpenIPMI's BMC answers that outside a session only
// in the form of IPMI 1.5, and a BMC may have IPMI 1.5 disabled.
func (p Prober) suites(ctx context.Context, c net.Conn) ([]int, error) {
	list, err := p.list(ctx, c, v15)
	if errors.Is(err, ErrSilent) {
		list, err = p.list(ctx, c, func(m []byte) []byte { return v20(payloadMessage, m) })
	}
	return parseSuites(list), err
}

// list asks for the records of cipher suites (table 22-17), 16 bytes at a time.
func (p Prober) list(ctx context.Context, c net.Conn, form func(message []byte) []byte) (list []byte, err error) {
	for part := range byte(mostParts) {
		var got []byte
		err := p.ask(ctx, c, form(message(getChannelCipherSuites, thisChannel, payloadMessage, bySuite|part)), func(b []byte) error {
			d, err := dataOf(b, getChannelCipherSuites)
			if err != nil {
				return err
			}
			if len(d) < 1 || len(d) > 1+perPart {
				return errNotAnswer
			}
			got = append([]byte(nil), d[1:]...)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if list = append(list, got...); len(got) < perPart {
			break
		}
	}
	return list, nil
}

// parseSuites reads cipher suite records (§22.15.1): C0h and the suite's number, or C1h, the
// number and a maker's number; then bytes of its algorithms, which have bit 7 and 6 other
// than 11b.
func parseSuites(list []byte) []int {
	var suites []int
	for i := 0; i < len(list); i++ {
		if list[i] == 0xc0 && i+1 < len(list) {
			i++
			suites = append(suites, int(list[i]))
		} else if list[i] == 0xc1 {
			i += 4 // a maker's suite: its number means nothing here
		}
	}
	return suites
}
