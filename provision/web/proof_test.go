package web_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/neighbour"
)

const thiefMAC = "02:00:00:00:00:99"

// link is a link of which the test says who stands there, by address.
type link map[string]neighbour.Found

func (l link) ask(_ context.Context, addr netip.Addr) (neighbour.Found, error) {
	f, ok := l[addr.String()]
	if !ok {
		return f, errors.New("no route")
	}
	return f, nil
}

func on(t *testing.T, mac string) neighbour.Found {
	t.Helper()
	m, err := inventory.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	return neighbour.Found{Link: "eth0", MAC: m, Confirmed: true}
}

// linkedServer returns a testServer on a link, on which web1 asked for its lease just now.
func linkedServer(t *testing.T) (*testServer, link, *provision.Lease) {
	t.Helper()
	r := newTestServer(t)
	l := link{"10.77.0.11": on(t, web1MAC)}
	lease := &provision.Lease{MAC: web1MAC, Address: "10.77.0.11", Booted: r.journal.Counted(), UUID: "4c4c4544-0031"}
	r.server.Neighbour = l.ask
	r.server.Lease = func(context.Context, inventory.MAC) (provision.Lease, bool) { return *lease, true }
	return r, l, lease
}

func (r *testServer) kinds(host string) string {
	r.t.Helper()
	events, err := r.journal.Events(r.t.Context(), host, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return strings.Join(out, " ")
}

// TestWhoGetsScript: who stands at web1's address decides what is handed out there.
func TestWhoGetsScript(t *testing.T) {
	for name, tc := range map[string]struct {
		found neighbour.Found
		gone  bool // the kernel can't tell
		code  int  // of script and answer file
		event string
	}{
		"web1":    {found: on(t, web1MAC), code: 200},
		"another": {found: on(t, thiefMAC), code: 403, event: "another-mac"},
		// One forged ARP reply: the box itself is told to ask again, and isn't sent away.
		"another, forged":    {found: neighbour.Found{Link: "eth0", MAC: on(t, thiefMAC).MAC}, code: 503, event: "another-mac"},
		"nobody answers":     {found: neighbour.Found{Link: "eth0"}, code: 503},
		"behind a router":    {found: neighbour.Found{Link: "eth0", Routed: true}, code: 200, event: "unproved"},
		"this machine":       {found: neighbour.Found{Local: true}, code: 200},
		"the kernel is mute": {gone: true, code: 503},
	} {
		t.Run(name, func(t *testing.T) {
			r, l, _ := linkedServer(t)
			r.arm("web1")
			token := tokenIn.FindStringSubmatch(r.menu("10.77.0.11", "grub/grub.cfg"))[1]
			before := r.attempts("web1")
			if l["10.77.0.11"] = tc.found; tc.gone {
				delete(l, "10.77.0.11")
			}
			r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), tc.code)
			again := r.menu("10.77.0.11", "grub/grub.cfg") // a menu that was handed out a moment ago
			if strings.Contains(again, "inst.ks") != (tc.code == 200) {
				t.Errorf("the menu:\n%s", again)
			}
			if waits := strings.Contains(again, "Asking again"); waits != (tc.code == 503) {
				t.Errorf("it waits: %v, with the menu:\n%s", waits, again)
			}
			r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), tc.code)
			text, _, err := r.fetch("10.77.0.11", "ipxe/"+web1MAC)
			if (err == nil) != (tc.code == 200) {
				t.Errorf("by TFTP: %s, %v", text, err)
			}
			if n := r.attempts("web1"); tc.code != 200 && n != before {
				t.Errorf("%d attempts were counted", n-before)
			}
			if tc.event != "" && !strings.Contains(r.kinds("web1"), tc.event) {
				t.Errorf("no event %s: %s", tc.event, r.kinds("web1"))
			}
		})
	}
}

// TestStrangerMovesNothing: who has taken web1's address ends nothing there, asks the
// operator nothing, and moves no stage, whatever he asks for.
func TestStrangerMovesNothing(t *testing.T) {
	for _, stage := range []provision.Stage{provision.Addressed, provision.Script, provision.Packages, provision.Installed} {
		t.Run(string(stage), func(t *testing.T) {
			r, l, _ := linkedServer(t)
			decided := 0
			decide := r.server.Decide
			r.server.Decide = func(ctx context.Context, q boot.Request) (boot.Decision, error) { decided++; return decide(ctx, q) }
			r.arm("web1")
			r.script(web1MAC, "10.77.0.11")
			r.stage(stage)
			before, _ := r.journal.Install("web1")
			decided = 0
			l["10.77.0.11"] = on(t, thiefMAC)
			for _, path := range []string{"/boot/ipxe?mac=" + web1MAC, "/image/debian12/initrd.img", "/grub/grub.cfg"} {
				r.ask(r.boot, "10.77.0.11", "GET", path, "")
			}
			_, _, _ = r.fetch("10.77.0.11", "ipxe/"+web1MAC)
			r.want(r.ask(r.agents, "10.77.0.11", "GET", "/v1/time", ""), 200)
			r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", `{"host": "web1", "token": "x"}`), 503)
			if r.server.MayLog(t.Context(), netip.MustParseAddr("10.77.0.11")) {
				t.Error("he may log as web1")
			}
			after, _ := r.journal.Install("web1")
			if after.Stage != before.Stage || after.Doubt != "" || after.Attempts != before.Attempts || decided > 0 {
				t.Errorf("%d decisions, %+v\nbefore %+v", decided, after, before)
			}
			l["10.77.0.11"] = on(t, web1MAC)
			if !r.server.MayLog(t.Context(), netip.MustParseAddr("10.77.0.11")) {
				t.Error("web1 may not log")
			}
		})
	}
}

// TestWaitingBox: a box that is told to ask again for its script may wait for longer than
// a boot lasts; one that comes back after a pause has booted anew, or isn't that box.
func TestWaitingBox(t *testing.T) {
	r, _, lease := linkedServer(t)
	r.arm("web1")
	r.snap.Hosts["web1"].Variables = map[string]any{"layout": "odd"} // it doesn't render
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), 503)
	lease.Booted = r.journal.Counted().Add(-time.Hour)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), 503)
	r.snap.Hosts["web1"].Variables = nil
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), 200)
	// It has its script, and waits no longer.
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), 503)
	r.wantEvent("web1", "boot-unheard")
	if n := r.attempts("web1"); n != 1 {
		t.Errorf("%d attempts", n)
	}
	// The appliance has just started, and may have told it to wait before.
	r.server.Began = r.journal.Counted()
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), 200)
}

// TestOwnCards: a bond may bear the MAC of any card that the installer has told of.
func TestOwnCards(t *testing.T) {
	r, l, _ := linkedServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	const second = "52:54:00:00:0a:01"
	w := r.askWith("10.77.0.11", "/i/"+token+"/ks", map[string]string{"X-RHN-Provisioning-MAC-0": "eth0 " + second, "X-RHN-Provisioning-MAC-1": "eth1 " + web1MAC})
	r.want(w, 200)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage": "installed"}`), 204)
	enrol := func(want int) {
		t.Helper()
		r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", `{"host": "web1", "token": "x"}`), want)
	}
	l["10.77.0.11"] = on(t, thiefMAC)
	enrol(503)
	l["10.77.0.11"] = on(t, second)
	enrol(400) // it is heard, and has no request for a certificate in it
	// Once the install has ended, the inventory alone says which cards the host has.
	r.stage(provision.Failed)
	enrol(503)
}

// TestConfirm: the script waits for the operator without a cost, and each attempt does. An
// answer file that he wants to confirm only since its script went out waits as well.
func TestConfirm(t *testing.T) {
	r, _, lease := linkedServer(t)
	lease.Relay = &provision.Relay{Address: "10.77.0.1", Circuit: "port 7", Remote: "switch"}
	h := r.snap.Hosts["web1"]
	h.Answer = inventory.ConfirmAnswer
	r.arm("web1")
	release := func() provision.Held {
		t.Helper()
		in, _ := r.journal.Install("web1")
		if in.Held == nil {
			t.Fatalf("nobody waits: %s", r.kinds("web1"))
		}
		held := *in.Held
		if _, err := r.journal.Update("web1", "", func(in provision.Install) (provision.Install, provision.Event, error) {
			return in.Release(r.journal.Counted()), provision.Event{}, nil
		}); err != nil {
			t.Fatal(err)
		}
		return held
	}
	for attempt := 1; attempt <= 2; attempt++ {
		for range 3 {
			r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), 503)
		}
		if menu := r.menu("10.77.0.11", "grub/grub.cfg"); !strings.Contains(menu, "sleep") || strings.Contains(menu, "inst.ks") {
			t.Errorf("GRUB doesn't wait:\n%s", menu)
		}
		want := provision.Held{Attempt: attempt, MAC: web1MAC, Address: "10.77.0.11", UUID: "4c4c4544-0031", SwitchPort: "port 7 on switch"}
		if held := release(); held != want || r.attempts("web1") != attempt-1 {
			t.Errorf("%d attempts, %+v waits, want %+v", r.attempts("web1"), held, want)
		}
		r.script(web1MAC, "10.77.0.11")
	}
	if n := strings.Count(r.kinds("web1"), provision.KindHeld); n != 2 {
		t.Errorf("the operator was asked %d times", n)
	}
	h.Answer = inventory.GiveAnswer
	token := r.script(web1MAC, "10.77.0.11")
	h.Answer = inventory.ConfirmAnswer
	ks := func() int {
		return r.askWith("10.77.0.11", "/i/"+token+"/ks", map[string]string{"X-System-Serial-Number": "S4711"}).Code
	}
	if code := ks(); code != 503 {
		t.Errorf("the answer file: %d", code)
	}
	if held := release(); held.Serial != "S4711" || held.Attempt != 3 {
		t.Errorf("what waits is %+v", held)
	}
	if code := ks(); code != 200 {
		t.Errorf("the answer file, released: %d", code)
	}
}
