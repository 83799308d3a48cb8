//go:build e2e

package simulated_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/rack/simulated"
)

// TestBondEnrols: the installed system has the MAC of a card that isn't in the inventory,
// and that its installer has reported, as a bond may.
func TestBondEnrols(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	if res := r.run(powered{Enrols: true, Bond: otherMAC}); !res.Installed {
		t.Errorf("%+v", res)
	}
	if in := r.install(); in.Stage.Rank() < provision.Enrolled.Rank() {
		r.events()
		t.Errorf("the install is %+v", in)
	}
}

// TestConfirmed: with `answer: confirm` a box waits at its boot loader, without a cost,
// until the operator has seen who it is and released it.
func TestConfirmed(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	r.extend("defaults: {answer: confirm}\n")
	ended := make(chan simulated.Result, 1)
	go func() { ended <- r.run(powered{}) }()
	in := r.install1(func(in provision.Install) bool { return in.Held != nil })
	if in.Held.MAC != boxMAC || in.Held.Address != "10.77.0.11" || in.Attempts != 0 {
		t.Errorf("what waits is %+v of %+v", in.Held, in)
	}
	if _, err := r.client.Release(t.Context(), "nobody"); err == nil {
		t.Error("nobody was released")
	}
	if _, err := r.client.Release(t.Context(), "web1"); err != nil {
		t.Fatal(err)
	}
	if res := <-ended; !res.Installed || res.Installs != 1 {
		t.Errorf("%+v", res)
	}
	if _, err := r.client.Release(t.Context(), "web1"); err == nil || !strings.Contains(err.Error(), "answer: confirm") {
		t.Errorf("released a second time: %v", err)
	}
	events := r.events()
	if in := r.install(); in.Attempts != 1 || in.Held != nil || len(events[provision.KindHeld]) != 1 || len(events["released"]) != 1 {
		t.Errorf("%+v, held %v, released %v", in, events[provision.KindHeld], events["released"])
	}
}

// attempts restarts the appliance with another budget of attempts.
func (r *testRack) attempts(n int) {
	r.t.Helper()
	path := filepath.Join(r.dir, "rackhand.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("attempts: 2"), []byte("attempts: "+strconv.Itoa(n)), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.kill()
	r.appliance()
}

// extend adds a file to the inventory, and waits until it counts.
func (r *testRack) extend(text string) {
	r.t.Helper()
	loaded := func() (n int) {
		all, err := r.client.Events(r.t.Context(), "")
		if err != nil {
			r.t.Fatal(err)
		}
		for _, e := range all {
			if e.Kind == "inventory-loaded" {
				n++
			}
		}
		return n
	}
	before := loaded()
	if err := os.WriteFile(filepath.Join(r.dir, "inventory/more.yaml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	for loaded() == before {
		time.Sleep(50 * time.Millisecond)
	}
}

// install1 waits until web1's install pleases.
func (r *testRack) install1(pleases func(provision.Install) bool) provision.Install {
	r.t.Helper()
	for {
		st, err := r.client.Status(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		for _, h := range st.Hosts {
			if h.Host == "web1" && h.Install != nil && pleases(*h.Install) {
				return *h.Install
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}
