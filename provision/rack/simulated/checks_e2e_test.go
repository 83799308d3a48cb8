//go:build e2e

package simulated_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
)

// served is what the box does as the system of a web server: it answers over HTTPS. Its agent
// runs once before a file is there that a check asks for, and once after it.
func served(ctx context.Context, dir, root string) error {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.pem"))
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", ":8443", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello from "+r.Host) })}
	go server.Serve(l)
	defer server.Close()
	if status, err := once(ctx, root); err != nil || status != catalog.Failed {
		return fmt.Errorf("the first run: %s, %w", status, err)
	}
	if err := waitFor(ctx, filepath.Join(dir, "ready")); err != nil {
		return err
	}
	if status, err := once(ctx, root); err != nil || status == catalog.Failed {
		return fmt.Errorf("the second run: %s, %w", status, err)
	}
	return waitFor(ctx, filepath.Join(dir, "done"))
}

// waitFor waits until a file is there.
func waitFor(ctx context.Context, name string) error {
	for {
		if _, err := os.Stat(name); err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(50 * time.Millisecond)
	}
}

const checkedRole = `checks:
  - http: {port: 8443, tls: true, host: www.example.com, ca: ca.pem, certificate_days: 14, contains: hello from www.example.com}
    within: 1s
  - http: {port: 8443, tls: true, verify: false, address: "${host.address}", status: [200, 204]}
    from: host
  - tcp: {port: 8443, address: "${host.address}"}
    from: host
  - exec: {command: [test, -e, DIR/ready]}
    within: 1s
`

// certificate writes the certificate of the box with its key, and of its CA, itself.
func (r *testRack) certificate() {
	r.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0), DNSNames: []string{"www.example.com"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		r.t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		r.t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	rack := filepath.Join(r.dir, "inventory/rack.yaml")
	text, err := os.ReadFile(rack)
	if err != nil {
		r.t.Fatal(err)
	}
	for name, text := range map[string]string{
		"server.pem":                 string(cert) + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})),
		"inventory/templates/ca.pem": string(cert),
		"inventory/roles/web.yaml":   strings.ReplaceAll(checkedRole, "DIR", r.dir),
		"inventory/rack.yaml":        strings.Replace(string(text), "variables:", "role: web\n    variables:", 1),
	} {
		path := filepath.Join(r.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestSimulatedChecks: a host serves once the checks from outside and those on the host pass.
// Until then it is converged, and the events name the check, its words and its place.
func TestSimulatedChecks(t *testing.T) {
	t.Parallel()
	r := newTestRackWith(t, func(r *testRack) {
		r.files(rocky9)
		r.certificate()
	})
	ended := make(chan bool, 1)
	go func() { ended <- r.run(powered{Enrols: true, Serves: true}).Installed }()
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !is(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) || t.Failed() {
				r.events()
				t.Fatalf("%s: it does not come to that; it is %+v", what, r.install())
			}
		}
	}
	said := func(kind string) string {
		events, err := r.client.Events(t.Context(), "web1")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == kind {
				return e.Message
			}
		}
		return ""
	}
	until("it waits for a check on the host", func() bool { return said("check-failed") != "" })
	fails := fmt.Sprintf("exec test -e %s/ready: exit status 0 was expected: exit status 1 (roles/web.yaml:8:5)", r.dir)
	for kind, want := range map[string]string{
		"host-checks-failed": "everything holds, but 1 of 3 checks on the host fail; the agent tries again: " + fails,
		"check-failed":       "it does not serve: on the host, " + fails,
	} {
		if !strings.Contains(said(kind), want) {
			t.Errorf("%s: %q, want %q", kind, said(kind), want)
		}
	}
	if in := r.install(); in.Stage != provision.Converged || !in.CheckFailed {
		t.Errorf("it is %+v", in)
	}
	r.says(r.why(), "check-failing", "On the host: the agent runs the check exec test -e", "rackhand converge web1")
	if err := os.WriteFile(filepath.Join(r.dir, "ready"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	until("it serves", func() bool { return r.install().Stage == provision.Serving })
	want := "it serves: GET https://" + net.JoinHostPort("10.77.0.11", "8443") + "/ answers 200, certificate valid until "
	if got := said("serving"); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "; 3 checks on the host pass") {
		t.Errorf("%q", got)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "done"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !<-ended {
		t.Error("it is not installed")
	}
}
