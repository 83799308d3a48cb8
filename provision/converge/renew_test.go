package converge

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// certs is what a fake appliance does about certificates.
type certs struct {
	due     bool // it asks for a renewal
	refuse  bool // an expired one is too old
	keys    map[string]bool
	renewed int
	lost    int // so many answers to a renewal get lost
}

// known reports whether a request shows a certificate of this appliance's for web1, of any date.
func (a *appliance) known(r *http.Request) bool {
	shown := r.TLS.PeerCertificates
	return len(shown) > 0 && shown[0].CheckSignatureFrom(a.ca) == nil && shown[0].Subject.CommonName == "web1"
}

// serve reports whether a request goes on to its route; else it has answered.
func (s *certs) serve(a *appliance, w http.ResponseWriter, r *http.Request, body []byte) bool {
	if !a.known(r) {
		http.Error(w, "a certificate is wanted", http.StatusForbidden)
		return false
	}
	leaf := r.TLS.PeerCertificates[0]
	expired := a.now.After(leaf.NotAfter)
	if r.URL.Path != "/v1/renew" {
		if expired {
			http.Error(w, "it has expired", http.StatusUnauthorized)
		} else if s.due {
			w.Header().Set(catalog.HeaderRenew, "due")
		}
		return !expired
	}
	if expired && s.refuse {
		http.Error(w, "it is too old", http.StatusForbidden)
		return false
	}
	var request catalog.RenewRequest
	err := json.Unmarshal(body, &request)
	block, _ := pem.Decode([]byte(request.CSR))
	csr, parseErr := x509.ParseCertificateRequest(block.Bytes)
	if err = errors.Join(err, parseErr); err != nil {
		a.t.Error(err)
		return false
	}
	if bytes.Equal(csr.RawSubjectPublicKeyInfo, leaf.RawSubjectPublicKeyInfo) {
		http.Error(w, "the same key", http.StatusBadRequest)
		return false
	}
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	s.keys[string(csr.RawSubjectPublicKeyInfo)] = true
	if s.lost > 0 {
		s.lost--
		panic(http.ErrAbortHandler)
	}
	der := a.issue("web1", csr.PublicKey, x509.ExtKeyUsageClientAuth)
	s.renewed++
	s.due = false
	if err := json.NewEncoder(w).Encode(catalog.EnrolReply{Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}); err != nil {
		a.t.Error(err)
	}
	return false
}

func (r *testHost) pem(name string) string { return r.read("root/var/lib/rackhand-agent/" + name) }

// pass lets time pass for host and appliance. Certificates of the fake live for an hour.
func (r *testHost) pass(d time.Duration) {
	r.app.now, r.clock.now, r.up = r.app.now.Add(d), r.clock.now.Add(d), r.up+d
}

// TestRenewalDue: the agent renews when the appliance asks for it, with a new key, and by the
// same new key when the answer is lost.
func TestRenewalDue(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	key, cert := r.pem("key.pem"), r.pem("cert.pem")
	r.once(catalog.OK)
	if r.pem("key.pem") != key {
		t.Error("it renewed though nothing was due")
	}
	r.app.certs.due, r.app.certs.lost = true, 5
	r.once(catalog.OK)
	if last := r.app.reports[len(r.app.reports)-1]; len(last.Warnings) != 1 || !strings.Contains(last.Warnings[0], "the certificate is not renewed") || r.pem("cert.pem") != cert {
		t.Errorf("a renewal that fails: %q", last.Warnings)
	}
	r.once(catalog.OK)
	r.once(catalog.OK)
	if r.pem("key.pem") == key || r.pem("cert.pem") == cert || r.app.certs.renewed != 1 || len(r.app.certs.keys) != 1 {
		t.Errorf("renewed %d times with %d keys", r.app.certs.renewed, len(r.app.certs.keys))
	}
	if r.exists("root/var/lib/rackhand-agent/key.next.pem") || r.exists("root/var/lib/rackhand-agent/cert.next.pem") {
		t.Error("something is left over")
	}
	r.noSecrets()
}

// TestExpired: a host that was off past its certificate's end renews it; whichever clock is
// wrong; and when the appliance refuses, a token that was left for it is used.
func TestExpired(t *testing.T) {
	const late = 48 * time.Hour
	for _, tt := range []struct {
		name  string
		setup func(r *testHost)
		why   string // "": it goes on
	}{
		{"off for long", func(r *testHost) { r.pass(late) }, ""},
		{"off for long, and the host's clock is at the beginning", func(r *testHost) { r.pass(late); r.clock.now = time.Unix(0, 0) }, ""},
		{"the host's clock alone leaps, and isn't kept right", func(r *testHost) { r.clock.now = r.clock.now.Add(late) }, ""},
		{"the host's clock alone leaps, and is called right", func(r *testHost) { r.clock.now = r.clock.now.Add(late); r.synchronised = true }, ""},
		{"the host's clock is behind, and is called right", func(r *testHost) {
			r.synchronised = true
			r.pass(90 * time.Minute)
			r.clock.now = r.clock.now.Add(-75 * time.Minute)
		}, ""},
		{"too late", func(r *testHost) { r.pass(late); r.app.certs.refuse = true }, "run `rackhand enrol web1` on the appliance"},
		{"too late, with a token", func(r *testHost) {
			r.pass(late)
			r.app.certs.refuse = true
			r.write("root/etc/rackhand/enrol-token", r.app.token)
		}, ""},
	} {
		r := newTestHost(t)
		r.once(catalog.Changed)
		tt.setup(r)
		r.app.moved(r) // with a server certificate of that time
		r.restart()
		status, err := r.Once(t.Context(), false)
		if tt.why != "" {
			if err == nil || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err != nil || status != catalog.OK {
			t.Errorf("%s: %s, %v\n%s", tt.name, status, err, r.out)
		}
		if last := r.app.reports[len(r.app.reports)-1]; !last.CatalogFetched.IsZero() {
			t.Errorf("%s: it went on with its kept catalog", tt.name)
		}
	}
}

// TestExpiredAndNotRenewed: an appliance that calls the certificate expired and can't renew
// it at this moment is away: the kept catalog is converged.
func TestExpiredAndNotRenewed(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	r.synchronised = true
	r.pass(90 * time.Minute)
	r.clock.now = r.clock.now.Add(-75 * time.Minute)
	r.app.moved(r)
	r.restart()
	r.app.fail["/v1/renew"] = 503
	r.write("root/etc/motd", "spoilt")
	if status, err := r.Once(t.Context(), false); err != nil || status != catalog.Changed || r.read("root/etc/motd") != "hello\n" {
		t.Errorf("%s, %v\n%s", status, err, r.out)
	}
}

// TestRenewalCutShort: a kill between any two steps of a renewal leaves a key and a
// certificate that fit, and a dry run can use them as they lie.
func TestRenewalCutShort(t *testing.T) {
	for step := range 5 {
		r := newTestHost(t)
		r.once(catalog.Changed)
		c := r.client(nil, nil)
		settings, base, ca, err := readSettings(r.root)
		if err != nil {
			t.Fatal(err)
		}
		c.base, c.ca = base, ca
		cert, err := c.identity(r.root, settings.Host)
		if err != nil {
			t.Fatal(err)
		}
		// The steps of renew and keepNext, as far as this one.
		key, err := keyAt(r.root.nextKey(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if step > 0 {
			csr, err := request("web1", key, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			var reply catalog.EnrolReply
			if err := c.do(t.Context(), c.secure(cert), http.MethodPost, "/v1/renew", catalog.RenewRequest{CSR: csr}, &reply, 64<<10); err != nil {
				t.Fatal(err)
			}
			if step > 1 {
				if err := writeFile(r.root.nextCert(), []byte(reply.Certificate)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if step > 2 {
			if err := os.Rename(r.root.nextKey(), r.root.key()); err != nil {
				t.Fatal(err)
			}
		}
		if step > 3 {
			if err := os.Rename(r.root.nextCert(), r.root.cert()); err != nil {
				t.Fatal(err)
			}
		}
		r.restart()
		if status, err := r.Once(t.Context(), true); err != nil || status != catalog.OK {
			t.Errorf("step %d, dry run: %s, %v", step, status, err)
		}
		r.app.certs.due = true
		r.once(catalog.OK)
		r.once(catalog.OK)
		if left, err := filepath.Glob(filepath.Join(r.root.folder(), "*next*")); err != nil || len(left) > 0 {
			t.Errorf("step %d: left over: %q, %v", step, left, err)
		}
	}
}

// TestEnrolByToken: with the operator's token, a host gets a certificate for a new key, also if
// it had one. After a wrong token it keeps its certificate.
func TestEnrolByToken(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	key, cert := r.pem("key.pem"), r.pem("cert.pem")
	if _, err := r.Enrol(t.Context(), "wrong-token-hunter2"); err == nil || !strings.Contains(err.Error(), "`rackhand enrol web1`") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	if r.pem("key.pem") != key || r.pem("cert.pem") != cert {
		t.Error("the host lost its certificate to a wrong token")
	}
	if until, err := r.Enrol(t.Context(), r.app.token); err != nil || until.IsZero() {
		t.Error(err)
	}
	if r.pem("key.pem") == key || r.pem("cert.pem") == cert {
		t.Error("the key is the one of before")
	}
	r.once(catalog.OK)
	r.noSecrets()
}
