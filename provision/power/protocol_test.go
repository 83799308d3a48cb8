package power

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

// TestProtocols: which protocols are tried, and at which ports.
func TestProtocols(t *testing.T) {
	for _, tt := range []struct {
		protocol   bmc.Protocol
		address    string
		remembered bmc.Protocol
		want       string
	}{
		{bmc.Auto, "192.0.2.1:623", "", "ipmi 623, redfish 443"},
		{"", "192.0.2.1:0", "", "ipmi 623, redfish 443"},
		{bmc.Auto, "192.0.2.1:623", bmc.IPMI, "ipmi 623, redfish 443"},
		{bmc.Auto, "192.0.2.1:623", bmc.Redfish, "redfish 443, ipmi 623"},
		{bmc.Auto, "192.0.2.1:443", "", "redfish 443"},
		{bmc.Auto, "192.0.2.1:6230", "", "ipmi 6230"},
		{bmc.Auto, "192.0.2.1:6230", bmc.Redfish, "ipmi 6230"},
		{bmc.IPMI, "192.0.2.1:0", bmc.Redfish, "ipmi 623"},
		{bmc.IPMI, "192.0.2.1:6230", "", "ipmi 6230"},
		{bmc.Redfish, "192.0.2.1:0", bmc.IPMI, "redfish 443"},
		{bmc.Redfish, "192.0.2.1:8443", "", "redfish 8443"},
		{bmc.Redfish, "192.0.2.1:623", "", "redfish 623"}, // given as such
	} {
		target := bmc.Target{Protocol: tt.protocol, Address: netip.MustParseAddrPort(tt.address)}
		var got []string
		for _, p := range protocols(target, bmc.Memory{Protocol: tt.remembered}) {
			got = append(got, fmt.Sprint(p, " ", at(target, p).Address.Port()))
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s at %s, %s remembered: %s, want %s", tt.protocol, tt.address, tt.remembered, s, tt.want)
		}
	}
	// With a certificate to trust, Redfish is first, until IPMI was all that answered.
	pinned := bmc.Target{Address: netip.MustParseAddrPort("192.0.2.1:623"), Fingerprint: "f"}
	for want, m := range map[bmc.Protocol][]bmc.Memory{
		bmc.Redfish: {{}, {Protocol: bmc.IPMI}, {Protocol: bmc.Redfish}},
		bmc.IPMI:    {{Protocol: bmc.IPMI, Trusted: true}},
	} {
		for _, m := range m {
			if got := protocols(pinned, m); got[0] != want || len(got) != 2 {
				t.Errorf("pinned, %+v: %v", m, got)
			}
		}
	}
}

// A pair of drivers, of one BMC.
type pair struct{ redfish, ipmi *fake }

// TestAuto: a search for the protocol, what is remembered of it, and what ends it.
func TestAuto(t *testing.T) {
	certificate := func(bmc.Target, *bmc.Memory) error { return &bmc.Error{Kind: bmc.ErrCertificate} }
	login := func(bmc.Target, *bmc.Memory) error { return &bmc.Error{Kind: bmc.ErrCredentials} }
	gone := func(bmc.Target, *bmc.Memory) error { return &bmc.Error{Kind: bmc.ErrUnreachable} }
	other := func(bmc.Target, *bmc.Memory) error { return &bmc.Error{Kind: bmc.ErrNoRedfish} }
	unknownUser := func(bmc.Target, *bmc.Memory) error {
		return &bmc.Error{Kind: bmc.ErrSilent, Hint: bmc.HintSilentLogin}
	}
	yes := func(bmc.Target) bool { return true }
	for _, tt := range []struct {
		name       string
		untrusted  bool // the inventory names no certificate
		remembered bmc.Protocol
		bmc        func(pair)
		redfish    int // logins
		asked      int // whether Redfish is there
		ipmi       int
		err        error
		learnt     bmc.Protocol
	}{
		{name: "Redfish", bmc: func(p pair) { p.redfish.speaks = yes }, asked: 1, redfish: 1, learnt: bmc.Redfish},
		{name: "IPMI alone", asked: 1, ipmi: 1, learnt: bmc.IPMI},
		{name: "a certificate that isn't trusted", bmc: func(p pair) { p.redfish.speaks, p.redfish.openErr = yes, certificate }, asked: 1, redfish: 1, err: bmc.ErrCertificate},
		{name: "a refused login", bmc: func(p pair) { p.redfish.speaks, p.redfish.openErr = yes, login }, asked: 1, redfish: 1, err: bmc.ErrCredentials},
		{name: "a refused login where Redfish is remembered", remembered: bmc.Redfish, bmc: func(p pair) { p.redfish.openErr = login }, redfish: 1, err: bmc.ErrCredentials, learnt: bmc.Redfish},
		{name: "a new certificate where Redfish is remembered", remembered: bmc.Redfish, bmc: func(p pair) { p.redfish.openErr = certificate }, redfish: 1, err: bmc.ErrCertificate, learnt: bmc.Redfish},
		{name: "IPMI is remembered: Redfish isn't asked for", remembered: bmc.IPMI, bmc: func(p pair) { p.redfish.speaks = yes }, ipmi: 1, learnt: bmc.IPMI},
		{name: "IPMI is remembered and was switched off", remembered: bmc.IPMI, bmc: func(p pair) { p.redfish.speaks, p.ipmi.openErr = yes, gone }, asked: 1, redfish: 1, ipmi: 1, learnt: bmc.Redfish},
		{name: "IPMI refuses the login", remembered: bmc.IPMI, bmc: func(p pair) { p.redfish.speaks, p.ipmi.openErr = yes, login }, ipmi: 1, err: bmc.ErrCredentials, learnt: bmc.IPMI},
		{name: "IPMI is silent to an unknown user", remembered: bmc.IPMI, bmc: func(p pair) { p.redfish.speaks, p.ipmi.openErr = yes, unknownUser }, ipmi: 1, err: bmc.ErrSilent, learnt: bmc.IPMI},
		{name: "Redfish is remembered and gone", remembered: bmc.Redfish, bmc: func(p pair) { p.redfish.openErr = gone }, redfish: 1, ipmi: 1, learnt: bmc.IPMI},
		{name: "another machine has the address", remembered: bmc.Redfish, bmc: func(p pair) { p.redfish.openErr = other }, redfish: 1, ipmi: 1, learnt: bmc.IPMI},
		{name: "no certificate to trust: IPMI", untrusted: true, bmc: func(p pair) { p.redfish.speaks = yes }, ipmi: 1, learnt: bmc.IPMI},
		{name: "no certificate to trust, and no IPMI", untrusted: true, bmc: func(p pair) { p.redfish.speaks, p.redfish.openErr, p.ipmi.openErr = yes, certificate, gone }, asked: 1, redfish: 1, ipmi: 1, err: bmc.ErrCertificate},
		{name: "nothing answers", bmc: func(p pair) { p.ipmi.openErr = gone }, asked: 1, ipmi: 1, err: bmc.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pair{newFake(), newFake()}
			if tt.bmc != nil {
				tt.bmc(p)
			}
			kept := storeOf(t)
			make := func() *Controller {
				return New(Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.Redfish: p.redfish, bmc.IPMI: struct{ bmc.Driver }{p.ipmi}}, Now: p.ipmi.Now, Sleep: p.ipmi.Sleep, Store: kept})
			}
			target := p.ipmi.target()
			target.Protocol = bmc.Auto
			if target.Fingerprint = "5e7f"; tt.untrusted {
				target.Fingerprint = ""
			}
			c := make()
			k := c.known(target.Address)
			k.memory.Protocol, k.memory.Trusted = tt.remembered, true
			c.keep(t.Context(), k)
			// Another process of the appliance knows the BMC from the store.
			c = make()
			if _, err := c.Status(t.Context(), target); !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if len(p.redfish.opened) != tt.redfish || len(p.ipmi.opened) != tt.ipmi || len(p.redfish.did) != tt.asked {
				t.Errorf("%d logins by Redfish and %d by IPMI, asked %v", len(p.redfish.opened), len(p.ipmi.opened), p.redfish.did)
			}
			if got := c.Protocol(target); tt.err == nil && got != tt.learnt {
				t.Errorf("logged in by %s, want %s", got, tt.learnt)
			}
			if m, err := make().Memory(t.Context(), target.Address); err != nil || m.Protocol != tt.learnt {
				t.Errorf("remembered: %+v, %v; want %q", m, err, tt.learnt)
			}
		})
	}
}

// TestMemory: what a BMC says of itself is bounded, outlives the process, and is no secret.
func TestMemory(t *testing.T) {
	f, kept := newFake(), storeOf(t)
	f.info = bmc.Info{Maker: " Dell Inc.\x00\x1b[2J", Model: strings.Repeat("PowerEdge ", 500), BMC: "7.10"}
	keep := func(o *Options) { o.Store = kept }
	if _, err := f.controller(keep).On(t.Context(), f.target()); err != nil {
		t.Fatal(err)
	}
	m, err := f.controller(keep).Memory(t.Context(), f.target().Address)
	if err != nil || m.Vendor != "Dell Inc.[2J" || len(m.Model) != 64 || m.Firmware != "7.10" || !m.Asked {
		t.Errorf("%+v, %v", m, err)
	}
	r, err := kept.Get(t.Context(), "bmc/192.0.2.1")
	if err != nil || strings.Contains(string(r.Value), f.target().Password) {
		t.Errorf("%s, %v", r.Value, err)
	}
	// It isn't asked again, and its own port is another BMC.
	f.info.Model = "R640"
	if _, err := f.controller(keep).On(t.Context(), f.target()); err != nil {
		t.Fatal(err)
	}
	if again, _ := f.controller(keep).Memory(t.Context(), f.target().Address); !reflect.DeepEqual(again, m) {
		t.Errorf("asked again: %+v", again)
	}
	if m, _ := f.controller(keep).Memory(t.Context(), netip.MustParseAddrPort("192.0.2.1:6230")); !reflect.DeepEqual(m, bmc.Memory{}) {
		t.Errorf("another port: %+v", m)
	}
}

// TestQuirksOfAModel: the driver gets the quirks of a model that is met for the first time, by
// a second login, and the inventory's win.
func TestQuirksOfAModel(t *testing.T) {
	f := newFake()
	f.info = bmc.Info{Maker: "Dell Inc.", Model: "PowerEdge R640"}
	c, target := f.controller(), f.target()
	target.Given = func(m bmc.Memory) []bmc.AppliedQuirk {
		return bmc.OfInventory(m, map[string][]string{"Dell": {"settings-object"}}, []string{"min-pause: 3s"}, nil)
	}
	for range 2 {
		if _, err := c.On(t.Context(), target); err != nil {
			t.Fatal(err)
		}
	}
	var got []bmc.Quirks
	for _, o := range f.opened {
		got = append(got, o.Quirks)
	}
	own := bmc.Quirks{MinPause: 3 * time.Second}
	all := bmc.Quirks{MinPause: 3 * time.Second, Mode: "changed", SettingsObject: true}
	if want := []bmc.Quirks{own, all, all}; !reflect.DeepEqual(got, want) {
		t.Errorf("logins with %+v, want %+v", got, want)
	}
	f.check(t)
}

// TestMinPause: sessions keep their distance, also after a login that failed.
func TestMinPause(t *testing.T) {
	f := newFake()
	c, target := f.controller(), f.target()
	target.Given = func(bmc.Memory) []bmc.AppliedQuirk { return []bmc.AppliedQuirk{{Quirk: "min-pause: 5s"}} }
	began := f.now
	var at []time.Duration
	f.openErr = func(bmc.Target, *bmc.Memory) error {
		if at = append(at, f.now.Sub(began)); len(at) == 2 {
			return unreachable
		}
		return nil
	}
	for range 4 {
		_ = c.With(t.Context(), "look", target, bmc.User, func(context.Context, bmc.Session) error { return nil })
	}
	if want := []time.Duration{0, 5 * time.Second, 10 * time.Second, 15 * time.Second}; !reflect.DeepEqual(at, want) {
		t.Errorf("logins at %v, want %v", at, want)
	}
	f.check(t)
}

// TestReadAgain: a question is asked again whole when the BMC falls silent in mid-session; a
// BMC that doesn't answer a login isn't asked twice.
func TestReadAgain(t *testing.T) {
	f := newFake()
	asked := 0
	f.silent = func(f *fake) bool { asked++; return asked == 2 }
	if _, err := f.controller().Status(t.Context(), f.target()); err != nil || len(f.opened) != 2 {
		t.Errorf("%v after %d logins", err, len(f.opened))
	}
	f.check(t)
	f = newFake()
	f.silent = func(*fake) bool { return true }
	if _, err := f.controller().Status(t.Context(), f.target()); !errors.Is(err, bmc.ErrUnreachable) || len(f.opened) != 1 {
		t.Errorf("%v after %d logins", err, len(f.opened))
	}
}
