package ipmi

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// lossy drops a fifth of the datagrams.
func lossy(seed uint64) func([]byte) [][]byte {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 16))
	return func(d []byte) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		if r.IntN(5) == 0 {
			return nil
		}
		return [][]byte{d}
	}
}

// TestLoss: with a loss of 20 % each way, 49 of 50 status calls are right, and no session
// stays open.
func TestLoss(t *testing.T) {
	var right atomic.Int32
	var wg sync.WaitGroup
	d := Driver{Exchange: 50 * time.Millisecond}
	bmcs := make([]*bmctest.BMC, 10)
	for i := range bmcs {
		bmcs[i] = bmctest.Serve(t)
		target := bmctest.Relay(t, bmcs[i].Target, lossy(uint64(i)), lossy(uint64(i+100)))
		wg.Go(func() {
			var m bmc.Memory
			for range 5 {
				st, err := status(t.Context(), d, target, &m)
				if err != nil || st.On {
					t.Logf("%+v, %v", st, err)
					continue
				}
				right.Add(1)
			}
		})
	}
	wg.Wait()
	if n := right.Load(); n < 49 {
		t.Errorf("%d of 50 calls are right", n)
	}
	for i, b := range bmcs {
		if n := b.LoggedIn(t); n != 0 {
			t.Errorf("BMC %d: %d sessions left open", i, n)
		}
	}
}

// status is one status call in a session of its own.
func status(ctx context.Context, d Driver, t bmc.Target, m *bmc.Memory) (bmc.Status, error) {
	s, err := d.Open(ctx, t, m)
	if err != nil {
		return bmc.Status{}, err
	}
	defer s.Close(ctx)
	return s.Status(ctx)
}

// isKind reports whether a datagram is one of this payload type.
func isKind(d []byte, kind byte) bool { return len(d) > headerSize && d[5]&0x3f == kind }

// TestNothingLeaks: wherever a login breaks, the BMC has no session left.
func TestNothingLeaks(t *testing.T) {
	none := func(kind byte) func([]byte) [][]byte {
		return func(d []byte) [][]byte {
			if isKind(d, kind) {
				return nil
			}
			return pass(d)
		}
	}
	for _, tt := range []struct {
		name              string
		requests, answers func([]byte) [][]byte
		change            func(*bmc.Target)
		kind              error
		begun             bool // the BMC may keep a login that got no further than its first message
	}{
		{"no RAKP 2", pass, none(payloadRAKP2), nil, bmc.ErrSilent, true},
		{"no RAKP 3", noRAKP3, pass, nil, bmc.ErrSilent, false},
		{"no RAKP 4", pass, none(payloadRAKP4), nil, bmc.ErrSilent, false},
		{"silent in the session", pass, none(payloadIPMI), nil, bmc.ErrSilent, false},
		{"wrong password", pass, pass, func(t *bmc.Target) { t.Password = "wrong" }, bmc.ErrCredentials, false},
		{"unknown user", pass, pass, func(t *bmc.Target) { t.User = "nobody" }, bmc.ErrCredentials, false},
		{"low privilege", pass, pass, func(t *bmc.Target) { t.User = "low" }, bmc.ErrPrivilege, false},
		{"each answer twice", pass, func(d []byte) [][]byte { return [][]byte{d, d} }, nil, nil, false},
		{"the requests of a login twice", twice(3), pass, nil, nil, true},
		{"out of order", pass, outOfOrder(), nil, nil, false},
		{"truncated", pass, func(d []byte) [][]byte { return [][]byte{d[:len(d)-5]} }, nil, bmc.ErrMalformed, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := bmctest.Serve(t)
			b.AddUser(t, 3, "low", 2)
			target := bmctest.Relay(t, b.Target, tt.requests, tt.answers)
			if tt.change != nil {
				tt.change(&target)
			}
			var m bmc.Memory
			_, err := status(t.Context(), Driver{Exchange: 100 * time.Millisecond, Retries: 1}, target, &m)
			if !errors.Is(err, tt.kind) || tt.kind == nil && err != nil {
				t.Errorf("%v, want %v", err, tt.kind)
			}
			if err != nil {
				oneCause(t, err)
			}
			// The goodbye of a broken login has no answer to wait for.
			for range 100 {
				if b.State.Sessions.Count() == 0 || tt.begun {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if n := b.State.Sessions.Count(); n != 0 && !tt.begun {
				t.Errorf("%d sessions left open", n)
			}
			if n := b.LoggedIn(t); n != 0 {
				t.Errorf("%d logins left open", n)
			}
		})
	}
}

// TestLate: a BMC that takes longer than the first tries of each message is slow, not silent,
// and its account is right.
func TestLate(t *testing.T) {
	b := bmctest.Serve(t)
	target := bmctest.SlowRelay(t, b.Target, 150*time.Millisecond)
	if st, err := status(t.Context(), Driver{Exchange: 100 * time.Millisecond}, target, &bmc.Memory{}); err != nil || st.On {
		t.Errorf("%+v, %v", st, err)
	}
	if n := b.LoggedIn(t); n != 0 {
		t.Errorf("%d logins left open", n)
	}
}

// noRAKP3 drops the last message of a login, unless it says that the login failed.
func noRAKP3(d []byte) [][]byte {
	if isKind(d, payloadRAKP3) && d[headerSize+1] == 0 {
		return nil
	}
	return pass(d)
}

// twice sends the first datagrams twice.
func twice(n int) func([]byte) [][]byte {
	var mu sync.Mutex
	return func(d []byte) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		if n--; n >= 0 {
			return [][]byte{d, d}
		}
		return pass(d)
	}
}

// outOfOrder sends each answer to the login a second time, after the next one.
func outOfOrder() func([]byte) [][]byte {
	var mu sync.Mutex
	var before []byte
	return func(d []byte) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		defer func() { before = d }()
		if before == nil {
			return [][]byte{d}
		}
		return [][]byte{before, d}
	}
}

// TestContextOver: a session is closed although the operation's time is over.
func TestContextOver(t *testing.T) {
	b := bmctest.Serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.Answer(types.CommandGetChassisStatus, func([]byte) ([]byte, types.CompletionCode) {
		cancel()
		return []byte{0, 0, 0}, 0
	})
	var m bmc.Memory
	for range 10 {
		_, _ = status(ctx, Driver{}, b.Target, &m)
	}
	if n := b.State.Sessions.Count(); n != 0 {
		t.Errorf("%d sessions left open", n)
	}
}

// TestSecondLogin: a read goes on in a new session if the BMC has forgotten the first. A
// power command doesn't, and is never sent twice.
func TestSecondLogin(t *testing.T) {
	b := bmctest.Serve(t)
	d := Driver{Exchange: 50 * time.Millisecond, Retries: 1}
	var m bmc.Memory
	opened, err := d.Open(t.Context(), b.Target, &m)
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*session)
	forget := func() {
		_ = b.State.Sessions.Close(binary.LittleEndian.Uint32(s.guard.sessionID()))
	}
	forget()
	if st, err := s.Status(t.Context()); err != nil || st.On {
		t.Errorf("%+v, %v", st, err)
	}
	forget()
	if err := s.Power(t.Context(), bmc.PowerOn); !errors.Is(err, bmc.ErrSilent) {
		t.Errorf("power: %v", err)
	}
	if got := b.Board.Actions(); got != "[]" {
		t.Errorf("the board saw %s", got)
	}
	if _, err := s.Status(t.Context()); !errors.Is(err, bmc.ErrSilent) {
		t.Errorf("a third login: %v", err)
	}
	s.Close(t.Context())
	// The answer to a power command is lost.
	var sent atomic.Int32
	target := bmctest.Relay(t, b.Target, pass, func(d []byte) [][]byte {
		if isKind(d, payloadIPMI) && b.Board.Actions() != "[]" {
			sent.Add(1)
			return nil
		}
		return pass(d)
	})
	if opened, err = d.Open(t.Context(), target, &m); err != nil {
		t.Fatal(err)
	}
	defer opened.Close(t.Context())
	if err := opened.Power(t.Context(), bmc.PowerCycle); !errors.Is(err, bmc.ErrSilent) {
		t.Errorf("power: %v", err)
	}
	if got := b.Board.Actions(); got != "[cycle]" || sent.Load() != 1 {
		t.Errorf("the board saw %s", got)
	}
}
