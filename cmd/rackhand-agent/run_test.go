package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

func TestCommandLine(t *testing.T) {
	empty := t.TempDir()
	tests := []struct {
		args []string
		code int
		want string // part of what it says
	}{
		{nil, exitUsage, "rackhand-agent daemon"},
		{[]string{"help"}, exitOK, "6   both 2 and 4"},
		{[]string{"noop"}, exitUsage, `no command "noop"`},
		{[]string{"run", "--noop"}, exitUsage, "noop"},
		{[]string{"once", "now"}, exitUsage, `"now"`},
		{[]string{"daemon", "--interval", "-1s"}, exitUsage, "not understood"},
		{[]string{"status", "--wait", "1s"}, exitUsage, "-wait"},
		{[]string{"disable", "--until", "2h"}, exitUsage, "--reason TEXT"},
		{[]string{"disable", "--reason", "x", "--until", "soon"}, exitUsage, "not a time"},
		{[]string{"disable", "--reason", "x", "--until", "31d", "--root-dir", empty}, exitFailed, "30 days at most"},
		{[]string{"disable", "--reason", "two\nlines", "--until", "1h", "--root-dir", empty}, exitFailed, "one line"},
		{[]string{"enable", "--root-dir", empty}, exitOK, "was not disabled"},
		{[]string{"facts", "--root-dir", empty}, exitOK, `"kernel"`},
		{[]string{"status", "--root-dir", empty}, exitFailed, "agent.json: no such file"},
		{[]string{"run", "--root-dir", empty}, exitFailed, "agent.json: no such file"},
		{[]string{"once", "--root-dir", empty}, exitFailed, "agent.json: no such file or directory (the installer's %post writes this file)"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if code := run(t.Context(), tt.args, &out, &out); code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%q: exit %d, want %d with %q:\n%s", tt.args, code, tt.code, tt.want, &out)
		}
	}
}

// A dry run needs no appliance once there is a catalog.
func TestDryRunExitCodes(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/rackhand/agent.json", `{"appliance": "https://127.0.0.1:1", "host": "web1"}`)
	write("etc/rackhand/ca.pem", testCA(t))
	write("etc/motd", "hello\n")
	tests := []struct {
		name, content string
		code          int
		want          string
	}{
		{"in sync", `"path": "/etc/motd", "ensure": "file", "content": "hello\n"`, exitOK, `msg="dry run" status=ok`},
		{"drift", `"path": "/etc/motd", "ensure": "file", "content": "bye\n"`, catalog.ExitChanged, `msg="would change" resource=file[/etc/motd] what="content changed, 6 → 4 bytes"`},
		{"drift, shown", `"path": "/etc/motd", "ensure": "file", "content": "bye\n"`, catalog.ExitChanged, "-hello\n+bye\n"},
		{"failed", `"path": "/etc/motd", "ensure": "directory"`, catalog.ExitFailed, "remove it first"},
	}
	for _, tt := range tests {
		write("var/lib/rackhand-agent/catalog.json", `{"host": "web1", "version": "v1", "resources": [{"id": "file[/etc/motd]", "file": {`+tt.content+`}}]}`)
		var out bytes.Buffer
		code := run(t.Context(), []string{"once", "--noop", "--root-dir", root}, &out, &out)
		if code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: exit %d, want %d with %q:\n%s", tt.name, code, tt.code, tt.want, &out)
		}
		if strings.Contains(out.String(), "time=") {
			t.Errorf("a time stamp, which journald adds already:\n%s", &out)
		}
	}
}

func testCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
