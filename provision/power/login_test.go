package power

import (
	"encoding/binary"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/types"
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
		{"refused in two bytes", []types.CipherSuiteID{3}, pass, refuse(payloadOpenResp, 0x04, 2), ErrCipher, "17: refused with status 04h, "},
		{"suite 17 refused in two bytes", nil, pass, to17(refuse(payloadOpenResp, 0x04, 2)), nil, ""},
		{"refused with an odd code", nil, pass, to17(refuse(payloadOpenResp, 0x12, 8)), nil, ""},
		{"refused with a code that isn't one", nil, pass, to17(refuse(payloadOpenResp, 0xc1, 3)), nil, ""},
		{"suite 3 offered instead", nil, pass, to17(offer), nil, ""},
		{"silent to suite 17", nil, drop(sha256), same, nil, ""},
		{"silent to suite 17's login", nil, pass, to17(silentRAKP), nil, ""},
		{"an answer of one byte", nil, pass, to17(refuse(payloadOpenResp, 0, 1)), nil, ""},
		{"silent to both", nil, drop(sha256, sha1), same, ErrUnreachable, "suite 17: no answer; cipher suite 3: no answer"},
		{"silent to both logins", nil, pass, silentRAKP, ErrUnreachable, "a user that they don't know"},
		{"refuses 17, silent to 3's login", []types.CipherSuiteID{3}, pass, silentRAKP, ErrUnreachable, "a user that they don't know"},
		{"silent to 17, refuses 3", []types.CipherSuiteID{17}, drop(sha256), same, ErrCipher, "suite 17: no answer; cipher suite 3: refused with status"},
		{"refuses 17, silent to 3", []types.CipherSuiteID{3}, drop(sha1), same, ErrCipher, "suite 17: refused with status 04h, Invalid authentication algorithm; cipher suite 3: no answer"},
		{"unknown user, in two bytes", nil, pass, refuse(payloadRAKP2, 0x0d, 2), ErrCredentials, "bmc.user"},
		{"wrong password, in two bytes", nil, pass, refuse(payloadRAKP4, 0x0f, 2), ErrCredentials, "bmc.user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := serveBMC(t, tt.suites...)
			var asked atomic.Uint32
			target := between(t, b.target, func(d []byte) [][]byte {
				if len(d) >= headerSize+32 && d[5] == payloadOpenReq {
					asked.Store(uint32(d[headerSize+12]))
				}
				return tt.requests(d)
			}, func(d []byte) [][]byte { return tt.answers(d, types.AuthAlg(asked.Load())) })
			c := New(Options{Exchange: 500 * time.Millisecond, Retries: 2, Timeout: time.Minute})
			_, err := c.Status(t.Context(), target)
			if tt.kind != nil {
				if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%v, want %v with %q", err, tt.kind, tt.text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if k := c.bmc(target.Address); k.suite != types.CipherSuiteID3 {
				t.Errorf("suite %d is remembered, want 3", k.suite)
			}
			if seen, err := c.PXEOnce(t.Context(), target); err != nil || !seen.Status.On {
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
		most bmc.PrivilegeLevel
		ok   bool
	}{
		{"administrator", bmc.PrivilegeLevelAdministrator, true},
		{"operator", bmc.PrivilegeLevelOperator, true},
		{"user", bmc.PrivilegeLevelUser, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, c := serveBMC(t), controller(t)
			b.addUser(t, 3, "tool", tt.most)
			target := b.target
			target.User = "tool"
			for range 2 {
				seen, err := c.PXEOnce(t.Context(), target)
				if tt.ok && (err != nil || !seen.Status.On) {
					t.Errorf("%+v, %v", seen, err)
				}
				if !tt.ok && (!errors.Is(err, ErrPrivilege) || !strings.Contains(err.Error(), "operator or administrator")) {
					t.Errorf("%v", err)
				}
			}
			// Another account on the same BMC isn't taken for that one.
			if _, err := c.Off(t.Context(), b.target); err != nil {
				t.Error(err)
			}
			if c.bmc(b.target.Address).operator {
				t.Error("the administrator is taken for an operator")
			}
			if n := b.state.Sessions.Count(); n != 0 {
				t.Errorf("%d sessions left open", n)
			}
		})
	}
	// BMCs that let the account log in as administrator, and then refuse the level.
	t.Run("in the session", func(t *testing.T) {
		b, c := serveBMC(t), controller(t)
		s, err := c.login(t.Context(), b.target, types.CipherSuiteID17, types.PrivilegeLevelOperator)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close(t.Context())
		if err := s.raise(t.Context(), types.PrivilegeLevelAdministrator); err != nil {
			t.Errorf("the BMC grants operator: %v", err)
		}
		if _, err := s.status(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := c.login(t.Context(), b.target, types.CipherSuiteID17, types.PrivilegeLevelUser); !errors.Is(err, ErrPrivilege) {
			t.Errorf("the BMC grants user: %v", err)
		}
	})
}

// TestAlreadyAsWanted: BMCs that refuse to switch on what is on (D5h).
func TestAlreadyAsWanted(t *testing.T) {
	b, c := serveBMC(t), controller(t)
	b.board.set(func(b *board) { b.same = true })
	for _, do := range []struct {
		name string
		do   func() (Status, error)
		on   bool
	}{
		{"off when off", func() (Status, error) { return c.Off(t.Context(), b.target) }, false},
		{"on", func() (Status, error) { return c.On(t.Context(), b.target) }, true},
		{"on when on", func() (Status, error) { return c.On(t.Context(), b.target) }, true},
	} {
		if seen, err := do.do(); err != nil || seen.On != do.on {
			t.Errorf("%s: %+v, %v", do.name, seen, err)
		}
	}
	if _, err := c.Off(t.Context(), b.target); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reset(t.Context(), b.target); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "the box is off") {
		t.Errorf("reset when off: %v", err)
	}
	// Somebody presses the button between the look and the command.
	for _, on := range []bool{true, false} {
		b.board.set(func(h *board) {
			h.before = func() {
				b.board.set(func(h *board) { h.before = nil })
				_ = b.board.Chassis.SetPower(t.Context(), on)
			}
		})
		if seen, err := c.Cycle(t.Context(), b.target); err != nil || !seen.On {
			t.Errorf("cycle of a box that went to %v meanwhile: %+v, %v", on, seen, err)
		}
	}
	// A refusal of a state that isn't the wanted one stays an error.
	b.board.set(func(h *board) { h.stuck = true })
	if seen, err := c.Off(t.Context(), b.target); !errors.Is(err, ErrRefused) || !seen.On || !strings.Contains(err.Error(), "the box is on") {
		t.Errorf("off, refused when on: %+v, %v", seen, err)
	}
}
