package ipmi

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ipmibmc "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/power"
)

// isOpen reports whether a datagram is an Open Session Request for this algorithm
// (RAKP-HMAC-SHA256, 03h, is suite 17's; RAKP-HMAC-SHA1, 01h, suite 3's).
func isOpen(d []byte, auth types.AuthAlg) bool {
	return len(d) >= headerSize+32 && d[5] == payloadOpenReq && types.AuthAlg(d[headerSize+12]) == auth
}

// shorten cuts a login answer's payload after n bytes.
func shorten(d []byte, n int) []byte {
	d = d[:headerSize+n]
	binary.LittleEndian.PutUint16(d[14:], uint16(n))
	return d
}

// TestCipherSuiteFallback: every failure of a login by suite 17 leads to suite 3, before any
// error about the BMC.
func TestCipherSuiteFallback(t *testing.T) {
	const sha1, sha256 = types.AuthAlg_HMAC_SHA1, types.AuthAlg_HMAC_SHA256
	// An answer is changed with an eye on the algorithm that was asked for.
	type change = func(d []byte, asked types.AuthAlg) [][]byte
	refuse := func(kind, status byte, size int) change {
		return func(d []byte, _ types.AuthAlg) [][]byte {
			if len(d) > headerSize && d[5] == kind {
				if d = shorten(d, size); size > 1 {
					d[headerSize+1] = status
				}
			}
			return [][]byte{d}
		}
	}
	same := func(d []byte, _ types.AuthAlg) [][]byte { return [][]byte{d} }
	silentRAKP := func(d []byte, _ types.AuthAlg) [][]byte {
		if len(d) > headerSize && d[5] == payloadRAKP2 {
			return nil
		}
		return [][]byte{d}
	}
	offer := func(d []byte, _ types.AuthAlg) [][]byte {
		if len(d) >= headerSize+openRespSize && d[5] == payloadOpenResp {
			d[headerSize+16], d[headerSize+24], d[headerSize+32] = 1, 1, 1
		}
		return [][]byte{d}
	}
	// to17 changes what a BMC that speaks both says to a request for suite 17.
	to17 := func(f change) change {
		return func(d []byte, asked types.AuthAlg) [][]byte {
			if asked == sha256 {
				return f(d, asked)
			}
			return [][]byte{d}
		}
	}
	drop := func(gone ...types.AuthAlg) func([]byte) [][]byte {
		return func(d []byte) [][]byte {
			for _, a := range gone {
				if isOpen(d, a) {
					return nil
				}
			}
			return [][]byte{d}
		}
	}
	for _, tt := range []struct {
		name     string
		suites   []types.CipherSuiteID
		requests func([]byte) [][]byte
		answers  change
		kind     error  // nil: it logs in
		text     string // in the error
	}{
		{"refused as the standard says", []types.CipherSuiteID{3}, pass, same, nil, ""},
		{"refused in two bytes", []types.CipherSuiteID{3}, pass, refuse(payloadOpenResp, 0x04, 2), bmc.ErrCipher, "17: refused with status 04h, "},
		{"suite 17 refused in two bytes", nil, pass, to17(refuse(payloadOpenResp, 0x04, 2)), nil, ""},
		{"refused with an odd code", nil, pass, to17(refuse(payloadOpenResp, 0x12, 8)), nil, ""},
		{"refused with a code that isn't one", nil, pass, to17(refuse(payloadOpenResp, 0xc1, 3)), nil, ""},
		{"suite 3 offered instead", nil, pass, to17(offer), nil, ""},
		{"silent to suite 17", nil, drop(sha256), same, nil, ""},
		{"silent to suite 17's login", nil, pass, to17(silentRAKP), nil, ""},
		{"an answer of one byte", nil, pass, to17(refuse(payloadOpenResp, 0, 1)), nil, ""},
		{"silent to both", nil, drop(sha256, sha1), same, bmc.ErrUnreachable, "suite 17: no answer; cipher suite 3: no answer"},
		{"silent to both logins", nil, pass, silentRAKP, bmc.ErrSilent, "a user that they don't know"},
		{"refuses 17, silent to 3's login", []types.CipherSuiteID{3}, pass, silentRAKP, bmc.ErrSilent, "a user that they don't know"},
		{"silent to 17, refuses 3", []types.CipherSuiteID{17}, drop(sha256), same, bmc.ErrCipher, "suite 17: no answer; cipher suite 3: refused with status"},
		{"refuses 17, silent to 3", []types.CipherSuiteID{3}, drop(sha1), same, bmc.ErrCipher, "suite 17: refused with status 04h, Invalid authentication algorithm; cipher suite 3: no answer"},
		{"unknown user, in two bytes", nil, pass, refuse(payloadRAKP2, 0x0d, 2), bmc.ErrCredentials, "bmc.user"},
		{"wrong password, in two bytes", nil, pass, refuse(payloadRAKP4, 0x0f, 2), bmc.ErrCredentials, "bmc.user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := bmctest.Serve(t, tt.suites...)
			var asked atomic.Uint32
			target := bmctest.Relay(t, b.Target, func(d []byte) [][]byte {
				if len(d) >= headerSize+32 && d[5] == payloadOpenReq {
					asked.Store(uint32(d[headerSize+12]))
				}
				return tt.requests(d)
			}, func(d []byte) [][]byte { return tt.answers(d, types.AuthAlg(asked.Load())) })
			var m bmc.Memory
			d := Driver{Exchange: 200 * time.Millisecond, Retries: 2}
			s, err := d.Open(t.Context(), target, &m)
			if tt.kind != nil {
				if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%v, want %v with %q", err, tt.kind, tt.text)
				}
				oneCause(t, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Close(t.Context())
			if m.Suite != 3 {
				t.Errorf("suite %d is remembered, want 3", m.Suite)
			}
			if seen, err := controllerOf(d, power.Options{}).PXEOnce(t.Context(), target); err != nil || !seen.Status.On {
				t.Errorf("network boot: %+v, %v", seen, err)
			}
		})
	}
}

// TestOperatorPrivilege: an operator's account is enough for power and boot device, at any
// step at which the BMC refuses more. An account with less is named.
func TestOperatorPrivilege(t *testing.T) {
	for _, tt := range []struct {
		name string
		most ipmibmc.PrivilegeLevel
		ok   bool
	}{
		{"administrator", ipmibmc.PrivilegeLevelAdministrator, true},
		{"operator", ipmibmc.PrivilegeLevelOperator, true},
		{"user", ipmibmc.PrivilegeLevelUser, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, c := bmctest.Serve(t), controllerOf(Driver{Exchange: 500 * time.Millisecond}, power.Options{Poll: 10 * time.Millisecond})
			b.AddUser(t, 3, "tool", tt.most)
			target := b.Target
			target.User = "tool"
			for range 2 {
				seen, err := c.PXEOnce(t.Context(), target)
				if tt.ok && (err != nil || !seen.Status.On) {
					t.Errorf("%+v, %v", seen, err)
				}
				if !tt.ok && (!errors.Is(err, bmc.ErrPrivilege) || !strings.Contains(err.Error(), "operator or administrator")) {
					t.Errorf("%v", err)
				}
			}
			// Another account on the same BMC isn't taken for that one.
			if _, err := c.Off(t.Context(), b.Target); err != nil {
				t.Error(err)
			}
			if n := b.State.Sessions.Count(); n != 0 {
				t.Errorf("%d sessions left open", n)
			}
		})
	}
	// BMCs that let the account log in as administrator, and then refuse the level.
	t.Run("in the session", func(t *testing.T) {
		b, d := bmctest.Serve(t), Driver{Exchange: 500 * time.Millisecond}
		s, err := d.open(t.Context(), b.Target, types.CipherSuiteID17, types.PrivilegeLevelOperator)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context())
		if err := s.raise(t.Context(), types.PrivilegeLevelAdministrator); err != nil {
			t.Errorf("the BMC grants operator: %v", err)
		}
		if _, err := s.Status(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := d.open(t.Context(), b.Target, types.CipherSuiteID17, types.PrivilegeLevelUser); !errors.Is(err, bmc.ErrPrivilege) {
			t.Errorf("the BMC grants user: %v", err)
		}
	})
}

// open logs in by this suite and at this level only.
func (d Driver) open(ctx context.Context, t bmc.Target, suite types.CipherSuiteID, level types.PrivilegeLevel) (*session, error) {
	l, err := d.login(ctx, t, suite, level)
	if err != nil {
		return nil, err
	}
	return &session{link: l, log: d.log(), target: t, driver: d, memory: &bmc.Memory{}}, nil
}

// controllerOf is a controller that speaks IPMI by this driver.
func controllerOf(d Driver, o power.Options) *power.Controller {
	o.Drivers = map[bmc.Protocol]bmc.Driver{bmc.IPMI: d}
	return power.New(o)
}

// TestSessionsExhausted fills the BMC's four sessions with others.
func TestSessionsExhausted(t *testing.T) {
	b := bmctest.Serve(t)
	d := Driver{Exchange: 500 * time.Millisecond, Sleep: func(context.Context, time.Duration) error { return nil }}
	c := controllerOf(d, power.Options{Timeout: 3 * time.Second})
	var others []*session
	for range b.State.Sessions.Cap() {
		s, err := d.open(t.Context(), b.Target, types.CipherSuiteID17, types.PrivilegeLevelAdministrator)
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, s)
	}
	if _, err := c.Status(t.Context(), b.Target); !errors.Is(err, bmc.ErrSessions) {
		t.Errorf("all sessions taken: %v", err)
	}
	for _, s := range others {
		s.Close(t.Context())
	}
	if _, err := c.Status(t.Context(), b.Target); err != nil {
		t.Errorf("after they ended: %v", err)
	}
}
