package converge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

func TestImpostor(t *testing.T) {
	r := newTestHost(t)
	r.write("root/etc/rackhand/ca.pem", newAppliance(t, r.app.now).caPEM())
	status, err := r.Once(t.Context(), false)
	if err == nil || status != catalog.Failed || !strings.Contains(err.Error(), "not our appliance") {
		t.Errorf("Once = %q, %v", status, err)
	}
	if r.app.calls["/v1/time"] > 0 || r.pauses > 0 || r.clock.sets > 0 || !r.exists("root/etc/rackhand/enrol-token") {
		t.Errorf("something was said to it: %v, %d pauses", r.app.calls, r.pauses)
	}
	// A certificate of the right CA for another name is refused, too.
	r = newTestHost(t)
	r.write("root/etc/rackhand/agent.json", strings.Replace(r.read("root/etc/rackhand/agent.json"), "127.0.0.1", "localhost", 1))
	if _, err := r.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "not our appliance") {
		t.Errorf("a name that isn't in the certificate: %v", err)
	}
}

func TestTokenRefused(t *testing.T) {
	r := newTestHost(t)
	r.write("root/etc/rackhand/enrol-token", "wr0ng-token")
	_, err := r.Once(t.Context(), false)
	if err == nil || !strings.Contains(err.Error(), "token is refused") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("got %v", err)
	}
	if r.app.calls["/v1/enrol"] != 1 || !r.exists("root/etc/rackhand/enrol-token") || strings.Contains(r.out.String(), "wr0ng") {
		t.Errorf("asked %d times; token there: %v", r.app.calls["/v1/enrol"], r.exists("root/etc/rackhand/enrol-token"))
	}
	if err := os.Remove(filepath.Join(r.dir, "root/etc/rackhand/enrol-token")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no enrolment token") {
		t.Errorf("without a token: %v", err)
	}
}

// The answer to an enrolment may be lost: the same key asks again.
func TestEnrolmentIsRepeatedWithTheSameKey(t *testing.T) {
	r := newTestHost(t)
	r.app.fail["/v1/enrol"] = 503
	if _, err := r.Once(t.Context(), false); err == nil {
		t.Fatal("no error while the appliance can't sign")
	}
	key := r.read("root/var/lib/rackhand-agent/key.pem")
	delete(r.app.fail, "/v1/enrol")
	r.restart()
	r.once(catalog.Changed)
	if r.read("root/var/lib/rackhand-agent/key.pem") != key {
		t.Error("another key was made")
	}
}

// A run died after the certificate was kept and before the token was removed; a
// certificate of another appliance or host doesn't count.
func TestIdentityOnDisk(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	r.write("root/etc/rackhand/enrol-token", "left over")
	r.once(catalog.OK)
	if r.exists("root/etc/rackhand/enrol-token") || r.app.calls["/v1/enrol"] != 1 {
		t.Error("the spent token is still there, or was used")
	}
	for name, change := range map[string]func(){
		"damaged certificate": func() { r.write("root/var/lib/rackhand-agent/cert.pem", "x") },
		"damaged key":         func() { r.write("root/var/lib/rackhand-agent/key.pem", "x") },
		"expired, for too long": func() {
			r.app.now = r.app.now.Add(90 * time.Minute)
			r.clock.now, r.app.certs.refuse = r.app.now, true
			r.app.moved(r)
		},
	} {
		change()
		r.write("root/etc/rackhand/enrol-token", r.app.token)
		before := r.app.calls["/v1/enrol"]
		r.restart()
		r.once(catalog.OK)
		if r.app.calls["/v1/enrol"] != before+1 {
			t.Errorf("%s: it did not enrol again", name)
		}
	}
	r.noSecrets()
}
