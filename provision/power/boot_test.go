package power

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

// TestOverrides: what BMCs do with a boot override, and what is said of it.
func TestOverrides(t *testing.T) {
	forgets := func(after string) func(b bmc.Boot, f *fake) bmc.Boot {
		return func(b bmc.Boot, f *fake) bmc.Boot {
			if f.commands() == after {
				return bmc.Boot{}
			}
			return b
		}
	}
	given := func(quirks ...string) func(bmc.Memory) []bmc.AppliedQuirk {
		return func(m bmc.Memory) []bmc.AppliedQuirk { return bmc.OfInventory(m, nil, quirks, nil) }
	}
	refused := func(*fake) error { return &bmc.Error{Kind: bmc.ErrRefused} }
	for _, tt := range []struct {
		name string
		on   bool
		bmc  func(*fake, *bmc.Target)
		sent string
		boot string // as reported
		lost string
		err  error
		says string
	}{
		{name: "a box that is off", sent: "boot pxe on", boot: "pxe (once, EFI)"},
		{name: "a box that is on", on: true, sent: "boot pxe off on", boot: "pxe (once, EFI)"},
		{name: "mode lost", on: true, bmc: func(f *fake, _ *bmc.Target) { f.keep = func(b bmc.Boot) bmc.Boot { b.EFI = false; return b } }, sent: "boot pxe off on", boot: "it lost: EFI", lost: "EFI"},
		{name: "a BMC without modes", on: true, bmc: func(f *fake, _ *bmc.Target) {
			f.keep = func(b bmc.Boot) bmc.Boot { b.EFI, b.NoMode = false, true; return b }
		}, sent: "boot pxe off on", boot: "pxe (once)"},
		{name: "valid and mode lost", on: true, bmc: func(f *fake, _ *bmc.Target) {
			f.keep = func(b bmc.Boot) bmc.Boot { b.EFI, b.Valid = false, false; return b }
		}, sent: "boot pxe off on", boot: "it lost: valid, EFI", lost: "valid, EFI"},
		{name: "swallowed: the box is left alone", on: true, bmc: func(f *fake, _ *bmc.Target) { f.keep = func(bmc.Boot) bmc.Boot { return bmc.Boot{} } }, sent: "boot pxe", err: bmc.ErrBootDevice, says: "it has no override"},
		{name: "for all boots instead of one", on: true, bmc: func(f *fake, _ *bmc.Target) { f.keep = func(b bmc.Boot) bmc.Boot { b.Persistent = true; return b } }, sent: "boot pxe", err: bmc.ErrBootDevice, says: "pxe (persistent, EFI)"},
		{name: "the old one is read for a moment", on: true, bmc: func(f *fake, _ *bmc.Target) {
			set := f.now
			f.reads = func(b bmc.Boot, f *fake) bmc.Boot {
				if f.now.Sub(set) < time.Second {
					return bmc.Boot{Device: bmc.Disk, Valid: true}
				}
				return b
			}
		}, sent: "boot pxe off on", boot: "pxe (once, EFI)"},
		{name: "lost when the power went, and set again", on: true, bmc: func(f *fake, _ *bmc.Target) { f.reads = forgets("boot pxe off") }, sent: "boot pxe off boot pxe on", boot: "pxe (once, EFI)"},
		{name: "not kept while it is off", on: true, bmc: func(f *fake, _ *bmc.Target) {
			f.reads = func(b bmc.Boot, f *fake) bmc.Boot {
				if len(f.did) > 1 {
					return bmc.Boot{}
				}
				return b
			}
		}, sent: "boot pxe off boot pxe", err: bmc.ErrBootDevice, says: "the box is off now"},
		{name: "400, and done (Dell 13G)", on: true, bmc: func(f *fake, _ *bmc.Target) { f.setErr = refused }, sent: "boot pxe off on", boot: "pxe (once, EFI)"},
		{name: "400, and not done", on: true, bmc: func(f *fake, _ *bmc.Target) {
			f.setErr, f.keep = refused, func(bmc.Boot) bmc.Boot { return bmc.Boot{} }
		}, sent: "boot pxe", err: bmc.ErrRefused},
		{name: "400, and done by half", on: true, bmc: func(f *fake, _ *bmc.Target) {
			f.setErr, f.keep = refused, func(b bmc.Boot) bmc.Boot { b.EFI = false; return b }
		}, sent: "boot pxe", err: bmc.ErrRefused},
		{name: "in the firmware's start for 12 s (iLO)", on: true, bmc: func(f *fake, _ *bmc.Target) {
			f.changed = f.now
			f.setErr = refusedFor(12*time.Second, bmc.ErrNotReady)
		}, sent: "boot pxe boot pxe boot pxe boot pxe off on", boot: "pxe (once, EFI)"},
		{name: "no read-back, by a quirk", on: true, bmc: func(f *fake, t *bmc.Target) {
			t.Given = given("no-readback")
			f.keep = func(bmc.Boot) bmc.Boot { return bmc.Boot{} }
		}, sent: "boot pxe off boot pxe on", boot: "can't be asked for it"},
		{name: "no read-back, as the BMC says", on: true, bmc: func(f *fake, _ *bmc.Target) { f.readErr = bmc.ErrUnsupported }, sent: "boot pxe off boot pxe on", boot: "can't be asked for it"},
		{name: "no EFI bit: X11 would boot its disk", bmc: func(f *fake, _ *bmc.Target) {
			f.info = bmc.Info{Maker: "Super Micro Computer, Inc.", Model: "X11SCZ-F"}
		}, sent: "boot pxe on", boot: "pxe (once)"},
		{name: "no Boot object at all (Cray)", on: true, bmc: func(f *fake, _ *bmc.Target) { f.setErr = func(*fake) error { return bmc.ErrUnsupported } }, sent: "boot pxe", err: bmc.ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			f.on, f.changed = tt.on, f.now.Add(-time.Hour)
			target := f.target()
			target.EFI = true
			if tt.bmc != nil {
				tt.bmc(f, &target)
			}
			seen, err := f.controller().PXEOnce(t.Context(), target)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v, want %v, %q", err, tt.err, tt.says)
			}
			if f.commands() != tt.sent {
				t.Errorf("sent %q, want %q", f.commands(), tt.sent)
			}
			if err == nil && (!strings.Contains(seen.Boot.String(), tt.boot) || seen.Boot.Lost != tt.lost || !seen.Status.On) {
				t.Errorf("%+v, lost %q; want %q", seen, seen.Boot.Lost, tt.boot)
			}
			f.check(t)
		})
	}
}

// TestDisabled: an override that Redfish calls Disabled is none, whatever its target; with
// IPMI, the valid bit alone may be lost.
func TestDisabled(t *testing.T) {
	for protocol, lost := range map[bmc.Protocol]bool{bmc.Redfish: true, bmc.IPMI: false} {
		f := newFake()
		f.keep = func(b bmc.Boot) bmc.Boot { b.Valid = false; return b }
		c := New(Options{Drivers: map[bmc.Protocol]bmc.Driver{protocol: f}, Now: f.Now, Sleep: f.Sleep})
		target := f.target()
		target.Protocol = protocol
		if _, err := c.SetBoot(t.Context(), target, bmc.PXE, BootOptions{}); errors.Is(err, bmc.ErrBootDevice) != lost {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}
