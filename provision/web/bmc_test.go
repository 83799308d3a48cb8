package web_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"rackhand/inventory"
)

const bmcPassword = "bmc-s3cret"

// withSetup gives web1 a BMC that its installer sets up.
func withSetup(r *testServer) *inventory.BMC {
	b := &inventory.BMC{Address: netip.MustParseAddrPort("10.77.0.111:623"), User: "rackhand", Password: "bmc/web1", Setup: true}
	r.snap.Hosts["web1"].BMC = b
	r.snap.Networks["rack1"].Gateway = netip.MustParseAddr("10.77.0.1")
	r.server.Handout.Secret = func(name string) (string, error) {
		if name == "bmc/web1" {
			return bmcPassword, nil
		}
		return "", errors.New("no such secret")
	}
	return b
}

// TestBMCSettings checks which box gets the settings of a BMC, when, and that the password is
// in no event.
func TestBMCSettings(t *testing.T) {
	r := newTestServer(t)
	withSetup(r)
	r.arm("web1")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	token := tokenIn.FindStringSubmatch(w.Body.String())[1]
	if url := " rackhand.bmc=http://10.77.0.1/i/" + token + "/bmc "; !strings.Contains(w.Body.String(), url) || strings.Contains(w.Body.String(), bmcPassword) {
		t.Errorf("the script lacks %q, or has the password:\n%s", url, w.Body)
	}
	path := "/i/" + token + "/bmc"
	r.want(r.ask(r.boot, "10.77.0.12", "GET", path, ""), 403)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+strings.Repeat("A", 32)+"/bmc", ""), 403)
	r.want(r.askWith("10.77.0.11", path, map[string]string{"X-RHN-Provisioning-MAC-0": "eth0 52:54:00:00:00:99"}), 403)
	w = r.ask(r.boot, "10.77.0.11", "GET", path, "")
	r.want(w, 200)
	if got, want := strings.TrimSpace(w.Body.String()), `{"address":"10.77.0.111/24","gateway":"10.77.0.1","user":"rackhand","password":"bmc-s3cret","privilege":"operator"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 200)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer","kind":"started","message":"the password is `+bmcPassword+`"}`), 204)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", path, ""), 403)
	r.wantEvent("web1", "answer-late")
	events, err := r.journal.Events(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(events); strings.Contains(string(text), bmcPassword) {
		t.Errorf("the password is in an event: %s", text)
	}
}

// TestNoBMCSettings has hosts whose installer gets no settings, and what the script says.
func TestNoBMCSettings(t *testing.T) {
	for name, change := range map[string]func(r *testServer, b *inventory.BMC){
		"no setup":    func(_ *testServer, b *inventory.BMC) { b.Setup = false },
		"no BMC":      func(r *testServer, _ *inventory.BMC) { r.snap.Hosts["web1"].BMC = nil },
		"no password": func(_ *testServer, b *inventory.BMC) { b.Password = "bmc/other" },
	} {
		r := newTestServer(t)
		change(r, withSetup(r))
		r.arm("web1")
		token := r.script(web1MAC, "10.77.0.11")
		r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/bmc", ""), 404)
		r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 200)
		if name == "no password" {
			r.wantEvent("web1", "bmc-setup-failed")
		}
	}
	// A BMC in no network of the inventory keeps its address.
	r := newTestServer(t)
	b := withSetup(r)
	b.Address, b.Privilege = netip.MustParseAddrPort("192.0.2.1:623"), "administrator"
	r.arm("web1")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/i/"+r.script(web1MAC, "10.77.0.11")+"/bmc", "")
	if got := w.Body.String(); !strings.HasPrefix(got, `{"address":"","gateway":"","user":"rackhand"`) || !strings.Contains(got, `"administrator"`) {
		t.Errorf("got %s", got)
	}
}
