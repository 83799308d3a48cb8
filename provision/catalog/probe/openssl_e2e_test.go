//go:build e2e

package probe

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rackhand/provision/catalog"
)

// openssl serves a certificate with openssl s_server, by TLS 1.2 or 1.3, and returns the port.
func (a *authority) openssl(t *testing.T, version string, days int) int {
	cert := a.server(days, "web1")
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "server.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	if err := os.WriteFile(file, append(text, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key})...), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", file, "-key", file, version, "-www")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			return int(netip.MustParseAddrPort(at).Port())
		}
	}
	t.Fatalf("openssl s_server does not listen: %v", lines.Err())
	return 0
}

// TestOpenSSL: a certificate that is right, one that expires soon and one that has expired,
// served by openssl.
func TestOpenSSL(t *testing.T) {
	a := newAuthority(t)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		for days, want := range map[int]string{
			60: "answers 200, certificate valid until 2026-07-31 00:00 UTC",
			5:  "! its certificate expires in 5 days, on 2026-06-06 00:00 UTC; at least 14 days are wanted",
			-2: "! certificate has expired or is not yet valid",
		} {
			seen, err := try(t, catalog.Check{HTTP: &catalog.HTTPCheck{
				Address: "127.0.0.1", Port: a.openssl(t, version, days), Path: "/", Method: "GET", Host: "web1", Status: []int{200},
				Content: catalog.Content{Contains: "Secure Renegotiation"},
				TLS:     &catalog.TLSCheck{Name: "web1", CA: a.pem, Days: 14},
			}})
			expected(t, seen, err, want)
		}
	}
}
