package bmctest

import (
	"context"
	"slices"
	"sync"
	"time"

	"rackhand/provision/bmc"
)

// A Fake is a BMC in memory, without a network: a driver for tests of what stands above the
// protocols. Its fields are its state; Lock guards them while sessions are open.
type Fake struct {
	sync.Mutex
	On        bool
	Override  bmc.Boot
	Lamp      bool
	Has       bmc.Info
	Readings  []bmc.Sensor
	Entries   []bmc.LogEntry
	Port      bmc.Network
	Accounts  []bmc.Account
	Passwords map[string]string // by name of the account
	Commands  []bmc.Command
	Time      time.Time     // its clock
	Filled    *bmc.LogState // how full its event log is; nil: as the entries say
	// Admits judges a login; nil: every one is let in.
	Admits func(bmc.Target) error
	// Fails are errors by method: "Open", "Sensors". A method that isn't there succeeds.
	Fails map[string]error
	// Opened and Closed count sessions.
	Opened, Closed int
	// Before is called before each method with its name, without the lock; may be nil.
	Before func(ctx context.Context, method string) error
}

// Open makes Fake a driver.
func (f *Fake) Open(ctx context.Context, t bmc.Target, m *bmc.Memory) (bmc.Session, error) {
	if err := f.enter(ctx, "Open"); err != nil {
		return nil, err
	}
	defer f.Unlock()
	if f.Admits != nil {
		if err := f.Admits(t); err != nil {
			return nil, err
		}
	}
	f.Opened++
	m.Vendor, m.Model = f.Has.Maker, f.Has.Model
	return fakeSession{f}, nil
}

// enter locks the fake, unless the method fails.
func (f *Fake) enter(ctx context.Context, method string) error {
	if f.Before != nil {
		if err := f.Before(ctx, method); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.Lock()
	if err := f.Fails[method]; err != nil {
		f.Unlock()
		return err
	}
	return nil
}

type fakeSession struct{ f *Fake }

// read calls get under the lock.
func read[T any](ctx context.Context, f *Fake, method string, get func() T) (v T, err error) {
	if err := f.enter(ctx, method); err != nil {
		return v, err
	}
	defer f.Unlock()
	return get(), nil
}

func (s fakeSession) set(ctx context.Context, method string, set func()) error {
	_, err := read(ctx, s.f, method, func() struct{} { set(); return struct{}{} })
	return err
}

func (s fakeSession) Status(ctx context.Context) (bmc.Status, error) {
	return read(ctx, s.f, "Status", func() bmc.Status { return bmc.Status{On: s.f.On} })
}

func (s fakeSession) Power(ctx context.Context, c bmc.Command) error {
	return s.set(ctx, "Power", func() {
		s.f.Commands = append(s.f.Commands, c)
		switch c {
		case bmc.PowerOn, bmc.PowerCycle:
			s.f.On = true
		case bmc.PowerOff:
			s.f.On = false
		}
	})
}

func (s fakeSession) Boot(ctx context.Context) (bmc.Boot, error) {
	return read(ctx, s.f, "Boot", func() bmc.Boot { return s.f.Override })
}

func (s fakeSession) SetBoot(ctx context.Context, b bmc.Boot) error {
	return s.set(ctx, "SetBoot", func() { s.f.Override = b })
}

func (s fakeSession) Identify(ctx context.Context, on bool) error {
	return s.set(ctx, "Identify", func() { s.f.Lamp = on })
}

func (s fakeSession) Info(ctx context.Context) (bmc.Info, error) {
	return read(ctx, s.f, "Info", func() bmc.Info { return s.f.Has })
}

func (s fakeSession) Sensors(ctx context.Context) ([]bmc.Sensor, error) {
	return read(ctx, s.f, "Sensors", func() []bmc.Sensor { return slices.Clone(s.f.Readings) })
}

func (s fakeSession) Log(ctx context.Context, most int) ([]bmc.LogEntry, error) {
	return read(ctx, s.f, "Log", func() []bmc.LogEntry { return slices.Clone(s.f.Entries[max(0, len(s.f.Entries)-most):]) })
}

func (s fakeSession) ClearLog(ctx context.Context) error {
	return s.set(ctx, "ClearLog", func() { s.f.Entries = nil })
}

func (s fakeSession) LogState(ctx context.Context) (bmc.LogState, error) {
	return read(ctx, s.f, "LogState", func() bmc.LogState {
		if s.f.Filled != nil {
			return *s.f.Filled
		}
		return bmc.LogState{Entries: len(s.f.Entries), Percent: -1}
	})
}

func (s fakeSession) Network(ctx context.Context) (bmc.Network, error) {
	return read(ctx, s.f, "Network", func() bmc.Network { return s.f.Port })
}

func (s fakeSession) SetNetwork(ctx context.Context, n bmc.Network) error {
	return s.set(ctx, "SetNetwork", func() { s.f.Port = n })
}

func (s fakeSession) Users(ctx context.Context) ([]bmc.Account, error) {
	return read(ctx, s.f, "Users", func() []bmc.Account { return slices.Clone(s.f.Accounts) })
}

func (s fakeSession) SetUser(ctx context.Context, a bmc.Account, password string) error {
	return s.set(ctx, "SetUser", func() {
		i := slices.IndexFunc(s.f.Accounts, func(b bmc.Account) bool { return b.Name == a.Name })
		if i < 0 {
			i, s.f.Accounts = len(s.f.Accounts), append(s.f.Accounts, a)
		}
		s.f.Accounts[i] = a
		if password != "" {
			if s.f.Passwords == nil {
				s.f.Passwords = map[string]string{}
			}
			s.f.Passwords[a.Name] = password
		}
	})
}

func (s fakeSession) Clock(ctx context.Context) (time.Time, error) {
	return read(ctx, s.f, "Clock", func() time.Time { return s.f.Time })
}

// Close counts, also when ctx is over.
func (s fakeSession) Close(context.Context) {
	s.f.Lock()
	defer s.f.Unlock()
	s.f.Closed++
}
