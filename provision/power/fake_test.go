package power

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/provision/bmc"
	"rackhand/provision/store"
)

// A clock goes on when somebody sleeps by it, and by a tenth of a second at each look.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

// A fake is a BMC with its box, by the clock. It is a driver of one protocol, too.
type fake struct {
	*clock
	on      bool
	changed time.Time     // when the box switched last
	lag     time.Duration // how late the BMC reports it
	boot    bmc.Boot
	info    bmc.Info
	did     []string     // commands, and the targets of logins
	opened  []bmc.Target // of each login
	open    int          // sessions that are open

	swallow map[bmc.Command]bool                    // takes these and does nothing
	refuse  map[bmc.Command]func(f *fake) error     // refuses these while the function returns an error
	silent  func(f *fake) bool                      // doesn't answer
	keep    func(b bmc.Boot) bmc.Boot               // what becomes of an override
	setErr  func(f *fake) error                     // the answer to an override
	reads   func(b bmc.Boot, f *fake) bmc.Boot      // what is read instead of it
	readErr error                                   // the answer to a question for it
	openErr func(t bmc.Target, m *bmc.Memory) error // the answer to a login
	speaks  func(t bmc.Target) bool                 // nil: no prober is asked
}

type fakeSession struct {
	bmc.Session
	*fake
	dead bool
}

// newFake makes a box that is off.
func newFake() *fake {
	return &fake{clock: &clock{now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, swallow: map[bmc.Command]bool{}, refuse: map[bmc.Command]func(*fake) error{}}
}

var unreachable = &bmc.Error{Kind: bmc.ErrUnreachable}

func (f *fake) Open(_ context.Context, t bmc.Target, m *bmc.Memory) (bmc.Session, error) {
	f.opened = append(f.opened, t)
	if f.openErr != nil {
		if err := f.openErr(t, m); err != nil {
			return nil, err
		}
	}
	if f.silent != nil && f.silent(f) {
		return nil, unreachable
	}
	f.open++
	return &fakeSession{fake: f}, nil
}

func (f *fake) Speaks(_ context.Context, t bmc.Target) bool {
	f.did = append(f.did, "asks "+t.Address.String())
	return f.speaks != nil && f.speaks(t)
}

func (s *fakeSession) Close(context.Context) { s.fake.open-- }

// answers reports whether the BMC does. A session in which it was silent once is dead.
func (s *fakeSession) answers() bool {
	s.dead = s.dead || s.silent != nil && s.silent(s.fake)
	return !s.dead
}

func (s *fakeSession) Status(context.Context) (bmc.Status, error) {
	s.now = s.now.Add(100 * time.Millisecond)
	if !s.answers() {
		return bmc.Status{}, &bmc.Error{Kind: bmc.ErrSilent}
	}
	seen := s.on
	if s.now.Sub(s.changed) < s.lag {
		seen = !seen
	}
	return bmc.Status{On: seen}, nil
}

func (s *fakeSession) Power(_ context.Context, c bmc.Command) error {
	s.did = append(s.did, string(c))
	if !s.answers() {
		return &bmc.Error{Kind: bmc.ErrSilent}
	}
	if refuse := s.refuse[c]; refuse != nil {
		if err := refuse(s.fake); err != nil {
			return err
		}
	}
	if s.swallow[c] {
		return nil
	}
	switch before := s.on; c {
	case bmc.PowerOn, bmc.PowerOff, bmc.SoftOff:
		if s.on = c == bmc.PowerOn; s.on != before {
			s.changed = s.now
		}
	case bmc.PowerCycle:
		s.changed, s.lag = s.now, 3*time.Second // it is off for that long
	}
	return nil
}

func (s *fakeSession) SetBoot(_ context.Context, b bmc.Boot) error {
	s.did = append(s.did, "boot "+string(b.Device))
	if s.keep != nil {
		b = s.keep(b)
	}
	s.boot = b
	if s.setErr != nil {
		return s.setErr(s.fake)
	}
	return nil
}

func (s *fakeSession) Boot(context.Context) (bmc.Boot, error) {
	if s.reads != nil {
		return s.reads(s.boot, s.fake), s.readErr
	}
	return s.boot, s.readErr
}

func (s *fakeSession) Info(context.Context) (bmc.Info, error) {
	if s.info.Maker == "" {
		return s.info, bmc.ErrUnsupported
	}
	return s.info, nil
}

// controller is one that speaks IPMI with the fake, by its clock.
func (f *fake) controller(more ...func(*Options)) *Controller {
	o := Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: f}, Now: f.Now, Sleep: f.Sleep}
	for _, change := range more {
		change(&o)
	}
	return New(o)
}

// target is the fake's.
func (f *fake) target() bmc.Target {
	return bmc.Target{Address: netip.MustParseAddrPort("192.0.2.1:623"), Protocol: bmc.IPMI, User: "admin", Password: "s3cret-for-tests"}
}

// commands are what was sent.
func (f *fake) commands() string { return strings.Join(f.did, " ") }

// check checks that no session is left open.
func (f *fake) check(t *testing.T) {
	t.Helper()
	if f.open != 0 {
		t.Errorf("%d sessions left open", f.open)
	}
}

// refusedFor refuses for a while after the box has switched.
func refusedFor(d time.Duration, kind error) func(*fake) error {
	return func(f *fake) error {
		if f.now.Sub(f.changed) < d {
			return &bmc.Error{Kind: kind, Err: fmt.Errorf("409 at %s", f.now.Sub(f.changed))}
		}
		return nil
	}
}

// storeOf is a store in a file of the test's own.
func storeOf(t *testing.T) store.Store {
	t.Helper()
	s, err := store.OpenBolt(t.TempDir() + "/store.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
