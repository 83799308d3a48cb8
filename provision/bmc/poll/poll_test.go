package poll

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// A rack is BMCs in memory. In its bubble, time passes only while all wait.
type rack struct {
	mu     sync.Mutex
	bmcs   map[string]*bmctest.Fake
	asked  map[string][]time.Time // when each was asked
	parts  map[string][]bmc.ReportPart
	now    int // questions under way
	most   int
	events []provision.Event

	inventory string
	moved     string // behind each address
}

func newRack(n int) *rack {
	r := &rack{bmcs: map[string]*bmctest.Fake{}, asked: map[string][]time.Time{}, parts: map[string][]bmc.ReportPart{}}
	for i := range n {
		r.bmcs[fmt.Sprintf("box%03d", i)] = &bmctest.Fake{
			On: true, Readings: []bmc.Sensor{{Name: "CPU", Kind: "temperature", Value: 50, Unit: "C", Health: bmc.OK}}, Fails: map[string]error{},
			Before: func(context.Context, string) error { time.Sleep(200 * time.Millisecond); return nil },
		}
	}
	return r
}

// dead makes a BMC one that never answers.
func (r *rack) dead(name string) {
	f := r.bmcs[name]
	f.Before = func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
}

func (r *rack) hosts() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]string{}
	for name := range r.bmcs {
		out[name] = "10.0.0.1:" + name + r.moved
	}
	return out
}

func (r *rack) ask(ctx context.Context, host string, entries int, parts ...bmc.ReportPart) (report bmc.Report, err error) {
	r.mu.Lock()
	r.asked[host] = append(r.asked[host], time.Now())
	r.parts[host] = append(r.parts[host], parts...)
	if r.now++; r.now > r.most {
		r.most = r.now
	}
	fake := r.bmcs[host]
	r.mu.Unlock()
	defer func() { r.mu.Lock(); r.now--; r.mu.Unlock() }()
	s, err := fake.Open(ctx, bmc.Target{}, &bmc.Memory{})
	if err != nil {
		return report, err
	}
	defer s.Close(ctx)
	return bmc.Read(ctx, s, entries, parts...)
}

// start runs a poller in the bubble until the test's end.
func (r *rack) start(t *testing.T) *Poller {
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	p := New(Options{
		Hosts: r.hosts, Inventory: func() string { r.mu.Lock(); defer r.mu.Unlock(); return r.inventory }, Ask: r.ask, Power: time.Minute, Sensors: 5 * time.Minute, Now: time.Now, After: time.After,
		Random: func() float64 { mu.Lock(); defer mu.Unlock(); return random.Float64() },
		Record: provision.RecorderFunc(func(e provision.Event) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
			return nil
		}),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for name, f := range r.bmcs {
			if f.Opened != f.Closed {
				t.Errorf("%s: %d sessions opened, %d closed", name, f.Opened, f.Closed)
			}
		}
	})
	return p
}

// TestRack: 500 BMCs, 60 of them dead. Within a minute each is asked, at most 32 at once. After
// ten minutes the living ones were asked each minute and for sensors each five; the dead ones
// each five minutes.
func TestRack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRack(500)
		names := slices.Sorted(maps.Keys(r.bmcs))
		for _, name := range names[:60] {
			r.dead(name)
		}
		began := time.Now()
		p := r.start(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, name := range names {
			if _, ok := p.Latest(name); !ok {
				t.Errorf("%s was not asked within a minute", name)
			}
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.most > atOnce {
			t.Errorf("%d BMCs were asked at once", r.most)
		}
		for i, name := range names {
			asked := r.asked[name]
			longest := time.Duration(0)
			for k := 1; k < len(asked); k++ {
				longest = max(longest, asked[k].Sub(asked[k-1]))
			}
			state := p.States()[name]
			if i < 60 {
				if n := len(asked); n < 4 || n > 8 || longest < 4*time.Minute || state.Power != "" || state.Why != bmc.WhySilence || state.SilentSince.Sub(began) > time.Minute {
					t.Errorf("%s, dead: asked %d times, at most %s apart: %+v", name, n, longest, state)
				}
				continue
			}
			sensors := 0
			for _, part := range r.parts[name] {
				if part == bmc.PartSensors {
					sensors++
				}
			}
			if n := len(asked); n < 17 || n > 23 || longest > 80*time.Second || sensors < 4 || sensors > 5 || state.Power != "on" || state.Hottest != "CPU: 50 C" {
				t.Errorf("%s: asked %d times, at most %s apart, %d times for sensors: %+v", name, n, longest, sensors, state)
			}
		}
		silent := 0
		for _, e := range r.events {
			if e.Kind == "silent" {
				silent++
			}
		}
		if silent != 60 || len(r.events) != 60 {
			t.Errorf("%d events, %d of them of silent BMCs", len(r.events), silent)
		}
	})
}

// TestEvents: a BMC falls silent and comes back, a sensor turns critical and stays so, another
// one flaps, and an operation is under way: what is an event, and what only a state.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRack(1)
		f := r.bmcs["box000"]
		f.Before = nil
		set := func(change func()) { f.Lock(); change(); f.Unlock() }
		p := r.start(t)
		story := func(d time.Duration, want ...string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			r.mu.Lock()
			defer r.mu.Unlock()
			var got []string
			for _, e := range r.events {
				got = append(got, e.Kind+": "+e.Message)
			}
			r.events = nil
			if !slices.EqualFunc(got, want, strings.Contains) {
				t.Errorf("after %s: events %q, want %q", d, got, want)
			}
		}
		unreachable := &bmc.Error{Op: "log in", BMC: netip.MustParseAddrPort("10.0.0.1:623"), Kind: bmc.ErrUnreachable}
		story(10 * time.Minute)
		set(func() { f.Fails["Open"] = unreachable })
		story(4 * time.Minute)
		story(8*time.Minute, "silent: its BMC can't be asked for")
		if s := p.States()["box000"]; !s.Silent(time.Now()) || s.Power != "on" || s.Why != bmc.WhySilence {
			t.Errorf("silent: %+v", s)
		}
		set(func() { delete(f.Fails, "Open") })
		story(6*time.Minute, "answers: its BMC at 10.0.0.1:box000 answers again, after 1")
		// Silent again within the hour: a state, and no event.
		set(func() { f.Fails["Open"] = unreachable })
		story(12 * time.Minute)
		set(func() { delete(f.Fails, "Open") })
		story(6 * time.Minute)

		fan := func(health string) {
			set(func() {
				f.Readings = []bmc.Sensor{{Name: "FAN1", Kind: "fan", Unit: "RPM", Health: health}, {Name: "FAN2", Kind: "fan", Unit: "RPM", Value: 900, Health: bmc.OK}}
			})
		}
		fan(bmc.Critical)
		story(20*time.Minute, "sensor-critical: its BMC says critical: FAN1: 0 RPM")
		for range 3 {
			fan(bmc.OK)
			story(6 * time.Minute)
			fan(bmc.Critical)
			story(6 * time.Minute)
		}
		story(15*time.Minute, "sensor-critical: its BMC says critical: FAN1: 0 RPM")
		set(func() { f.On = false })
		story(10 * time.Minute)
		if s := p.States()["box000"]; s.Critical != nil || s.Power != "off" {
			t.Errorf("a fan of a box that is off: %+v", s)
		}
		// An operation is under way: nothing is known, and nothing is wrong.
		set(func() { f.Fails["Open"] = &bmc.Error{Kind: bmc.ErrBusy} })
		before := p.States()["box000"]
		story(10 * time.Minute)
		if s := p.States()["box000"]; !s.SilentSince.IsZero() || s.Answered != before.Answered {
			t.Errorf("busy: %+v", s)
		}
		times := func() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.asked["box000"]) }
		asked := times()
		set(func() { f.Fails["Open"] = &bmc.Error{Kind: bmc.ErrCredentials} })
		story(61*time.Minute, "silent: its BMC can't be asked for 1")
		if n := times() - asked; n > 8 {
			t.Errorf("a wrong password was tried %d times within an hour: the BMC locks the account", n)
		}
		// The operator mends it.
		set(func() { delete(f.Fails, "Open") })
		r.mu.Lock()
		r.inventory = "another"
		r.mu.Unlock()
		story(15*time.Second, "answers: its BMC")
	})
}

// TestHostsComeAndGo: a host that leaves the inventory is forgotten; one with another BMC begins
// again from the start.
func TestHostsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRack(2)
		p := r.start(t)
		time.Sleep(2 * time.Minute)
		if len(p.States()) != 2 {
			t.Errorf("%+v", p.States())
		}
		r.mu.Lock()
		gone := r.bmcs["box001"]
		r.bmcs = map[string]*bmctest.Fake{"box000": r.bmcs["box000"]}
		r.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, ok := p.Latest("box001"); ok || len(p.States()) != 1 || gone.Opened == 0 {
			t.Errorf("%+v", p.States())
		}
		// Another BMC, which doesn't answer: nothing of the old one's is shown.
		f := r.bmcs["box000"]
		f.Lock()
		f.Fails["Open"] = &bmc.Error{Kind: bmc.ErrUnreachable}
		f.Unlock()
		r.mu.Lock()
		r.moved = "-new"
		r.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if l, ok := p.Latest("box000"); !ok || l.State.Power != "" || l.State.SilentSince.IsZero() {
			t.Errorf("with another BMC: %+v", l)
		}
	})
}

// TestChoose: the ones that wait longest come first, and the dead ones take no more than their
// places.
func TestChoose(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	all := map[string]*schedule{
		"late": {due: at(-9)}, "dead1": {due: at(-8), failed: 1}, "dead2": {due: at(-7), failed: 3}, "b": {due: at(-1)}, "a": {due: at(-1)},
		"asking": {due: at(-20), asking: true}, "later": {due: at(7)}, "latest": {due: at(30)},
	}
	for _, tt := range []struct {
		free, slow int
		want       string
	}{
		{10, 10, "late dead1 dead2 a b"},
		{10, 1, "late dead1 a b"},
		{10, 0, "late a b"},
		{2, 1, "late dead1"},
		{0, 8, ""},
	} {
		ask, again := choose(all, t0, tt.free, tt.slow)
		if got := strings.Join(ask, " "); got != tt.want || !again.Equal(at(7)) {
			t.Errorf("%d free, %d slow: %s, again at %s", tt.free, tt.slow, got, again)
		}
	}
}

// TestAfter: when the next question is due.
func TestAfter(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		failed int
		o      outcome
		random float64
		want   time.Duration
	}{
		{"answered", 0, answered, 0.5, time.Minute},
		{"answered again", 3, answered, 0.5, 15 * time.Second},
		{"earliest", 0, answered, 0, 54 * time.Second},
		{"latest", 0, answered, 1, 66 * time.Second},
		{"silent once", 0, silent, 0.5, time.Minute},
		{"silent twice", 1, silent, 0.5, 2 * time.Minute},
		{"long silent", 300, silent, 0.5, 5 * time.Minute},
		{"a wrong password", 0, refused, 0.5, 10 * time.Minute},
		{"busy", 2, busy, 0.5, 15 * time.Second},
	} {
		s := schedule{failed: tt.failed, known: true, asking: true}.after(tt.o, nil, t0, time.Minute, tt.random)
		if got := s.due.Sub(t0); got != tt.want || s.asking {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
