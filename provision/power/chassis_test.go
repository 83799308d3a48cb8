package power

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

// TestPowerByChange: power is verified by the state, as BMCs report it: late, old, not at all.
func TestPowerByChange(t *testing.T) {
	type do func(*Controller, context.Context, bmc.Target) (bmc.Status, error)
	on, off, cycle, reset, nmi := (*Controller).On, (*Controller).Off, (*Controller).Cycle, (*Controller).Reset, (*Controller).NMI
	soft := func(limit time.Duration, hard bool) do {
		return func(c *Controller, ctx context.Context, t bmc.Target) (bmc.Status, error) {
			seen, forced, err := c.SoftOff(ctx, t, limit, hard)
			if forced && !hard {
				err = errors.New("forced")
			}
			return seen, err
		}
	}
	quirk := func(text string) func(*fake, *bmc.Target) {
		return func(_ *fake, t *bmc.Target) {
			t.Given = func(bmc.Memory) []bmc.AppliedQuirk { return []bmc.AppliedQuirk{{Quirk: text}} }
		}
	}
	always := func(kind error) func(*fake) error { return refusedFor(100*time.Hour, kind) }
	for _, tt := range []struct {
		name   string
		do     do
		on     bool // before
		bmc    func(*fake, *bmc.Target)
		sent   string
		after  bool
		err    error
		says   string // in the error
		unsaid string
	}{
		{name: "on", do: on, sent: "on", after: true},
		{name: "on when on: the report may be old", do: on, on: true, sent: "on", after: true},
		{name: "on when on, refused (D5h, 409)", do: on, on: true, bmc: func(f *fake, _ *bmc.Target) { f.refuse[bmc.PowerOn] = always(bmc.ErrState) }, sent: "on", after: true},
		{name: "on, reported 20 s late", do: on, bmc: func(f *fake, _ *bmc.Target) { f.lag = 20 * time.Second }, sent: "on", after: true},
		{name: "on, swallowed", do: on, bmc: func(f *fake, _ *bmc.Target) { f.swallow[bmc.PowerOn] = true }, sent: "on", err: bmc.ErrPowerState, says: "still off after 1m0s"},
		{name: "on, swallowed, with a settle of its own", do: on, bmc: func(f *fake, t *bmc.Target) { f.swallow[bmc.PowerOn], t.Settle = true, 5*time.Second }, sent: "on", err: bmc.ErrPowerState, says: "still off after 5s"},
		{name: "off", do: off, on: true, sent: "off"},
		{name: "off when off", do: off, sent: "off"},
		{name: "off, stale On after it", do: off, on: true, bmc: func(f *fake, _ *bmc.Target) { f.lag = 15 * time.Second }, sent: "off"},
		{name: "off, refused", do: off, on: true, bmc: func(f *fake, _ *bmc.Target) {
			f.refuse[bmc.PowerOff] = func(*fake) error { return &bmc.Error{Kind: bmc.ErrRefused} }
		}, sent: "off", after: true, err: bmc.ErrRefused},
		{name: "cycle", do: cycle, on: true, sent: "off on", after: true},
		{name: "cycle when off", do: cycle, sent: "on", after: true},
		{name: "cycle, each state late", do: cycle, on: true, bmc: func(f *fake, _ *bmc.Target) { f.lag = 20 * time.Second }, sent: "off on", after: true},
		{name: "cycle, off swallowed: on is not sent", do: cycle, on: true, bmc: func(f *fake, _ *bmc.Target) { f.swallow[bmc.PowerOff] = true }, sent: "off", after: true, err: bmc.ErrPowerState, says: "still on"},
		{name: "cycle, on refused for 40 s after off (409)", do: cycle, on: true, bmc: func(f *fake, _ *bmc.Target) { f.refuse[bmc.PowerOn] = refusedFor(40*time.Second, bmc.ErrNotReady) }, sent: "off on on on on on on on on on", after: true},
		{name: "cycle, on refused for ever", do: cycle, on: true, bmc: func(f *fake, t *bmc.Target) {
			f.refuse[bmc.PowerOn], t.Settle = always(bmc.ErrState), 8*time.Second
		}, sent: "off on on on", err: bmc.ErrRefused, says: "the box is off"},
		{name: "the BMC's own cycle", do: cycle, on: true, bmc: quirk("cycle: own"), sent: "cycle", after: true},
		{name: "its own cycle, swallowed", do: cycle, on: true, bmc: func(f *fake, t *bmc.Target) {
			quirk("cycle: own")(f, t)
			f.swallow[bmc.PowerCycle] = true
		}, sent: "cycle", after: true, err: bmc.ErrPowerState, says: "took the command cycle, and the box was never seen off in 1m0s): write `quirks: [{cycle: off-on}]`"},
		{name: "its own cycle, refused (CCh)", do: cycle, on: true, bmc: func(f *fake, t *bmc.Target) {
			quirk("cycle: own")(f, t)
			f.refuse[bmc.PowerCycle] = func(*fake) error { return &bmc.Error{Kind: bmc.ErrRefused} }
		}, sent: "cycle off on", after: true},
		{name: "its own cycle, no such reset type", do: cycle, on: true, bmc: func(f *fake, t *bmc.Target) {
			quirk("cycle: own")(f, t)
			f.refuse[bmc.PowerCycle] = func(*fake) error { return bmc.ErrUnsupported }
		}, sent: "cycle off on", after: true},
		{name: "reset", do: reset, on: true, sent: "reset", after: true},
		{name: "reset when off: nothing is sent", do: reset, err: bmc.ErrRefused, says: "nothing was sent): the box is off"},
		{name: "NMI", do: nmi, on: true, sent: "nmi", after: true},
		{name: "NMI when off", do: nmi, err: bmc.ErrRefused, says: "the box is off"},
		{name: "soft off", do: soft(time.Minute, false), on: true, sent: "soft"},
		{name: "soft off when off", do: soft(time.Minute, false)},
		{name: "soft off, the system doesn't", do: soft(time.Minute, false), on: true, bmc: func(f *fake, _ *bmc.Target) { f.swallow[bmc.SoftOff] = true }, sent: "soft", after: true, err: bmc.ErrPowerState, says: "after 1m0s): its system doesn't shut down"},
		{name: "soft off, then hard", do: soft(time.Minute, true), on: true, bmc: func(f *fake, _ *bmc.Target) { f.swallow[bmc.SoftOff] = true }, sent: "soft off"},
		{name: "soft off, which the BMC hasn't, then hard", do: soft(time.Minute, true), on: true, bmc: func(f *fake, _ *bmc.Target) {
			f.refuse[bmc.SoftOff] = func(*fake) error { return bmc.ErrUnsupported }
		}, sent: "soft off"},
		{name: "silent after the command", do: off, on: true, bmc: func(f *fake, _ *bmc.Target) { f.silent = func(f *fake) bool { return len(f.did) > 0 } }, sent: "off", err: bmc.ErrSilent, says: "no answer for 1m0s", unsaid: "cable"},
		{name: "deaf for 30 s, and its session is lost", do: on, bmc: func(f *fake, _ *bmc.Target) {
			f.silent = func(f *fake) bool { return f.on && f.now.Sub(f.changed) < 30*time.Second }
		}, sent: "on", after: true},
		{name: "silent after a look that showed no change", do: on, bmc: func(f *fake, _ *bmc.Target) {
			f.swallow[bmc.PowerOn] = true
			began := f.now
			f.silent = func(f *fake) bool { return f.now.Sub(began) > 10*time.Second }
		}, sent: "on", err: bmc.ErrSilent, says: "the box was off; no answer since"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			f.on, f.changed = tt.on, f.now.Add(-time.Hour)
			target := f.target()
			if tt.bmc != nil {
				tt.bmc(f, &target)
			}
			seen, err := tt.do(f.controller(), t.Context(), target)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if f.commands() != tt.sent {
				t.Errorf("sent %q, want %q", f.commands(), tt.sent)
			}
			switch {
			case tt.err != nil && (!strings.Contains(err.Error(), tt.says) || tt.unsaid != "" && strings.Contains(err.Error(), tt.unsaid)):
				t.Errorf("says %v, want %q", err, tt.says)
			case tt.err == nil && seen.On != tt.after:
				t.Errorf("seen %s", seen.State())
			}
			f.check(t)
		})
	}
}
