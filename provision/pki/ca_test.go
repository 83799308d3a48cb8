package pki_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/pki"
	"rackhand/provision/store"
)

// TestChangeCutShort: after a kill between any two steps of a change, the next start has one
// CA that signs, with its key, and trusts what hosts have; and the change can go on.
func TestChangeCutShort(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps func(dir string) error // by hand, as far as it came
		stage string
	}{
		{"the next key only", func(dir string) error { return os.Remove(filepath.Join(dir, "next.pem")) }, provision.CAStays},
		{"both are there", func(string) error { return nil }, provision.CASpreads},
		{"the old one is kept", func(dir string) error { return copyTo(dir, "ca.pem", "old.pem") }, provision.CASpreads},
		{"the key is switched", func(dir string) error {
			return errors.Join(copyTo(dir, "ca.pem", "old.pem"), os.Rename(filepath.Join(dir, "next.key"), filepath.Join(dir, "ca.key")))
		}, provision.CASwitched},
	} {
		st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		open := func() *pki.Authority {
			a, err := pki.Open(dir, netip.MustParseAddr("127.0.0.1"), st, rand.Reader, time.Now)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			return a
		}
		a := open()
		first := a.CA()
		leaf := parse(t, sign(t, a, newKey(t), "web1").Certificate[0])
		if err := a.BeginCA(); err != nil {
			t.Fatal(err)
		}
		if err := tt.steps(dir); err != nil {
			t.Fatal(err)
		}
		a = open()
		if a.CAStage() != tt.stage {
			t.Errorf("%s: stage %q, want %q", tt.name, a.CAStage(), tt.stage)
		}
		if bundle, _ := a.Bundle(); !bytes.Contains(bundle, first) {
			t.Errorf("%s: the CA of before isn't trusted", tt.name)
		}
		pool := x509.NewCertPool()
		bundle, _ := a.Bundle()
		pool.AppendCertsFromPEM(bundle)
		for _, cert := range []*x509.Certificate{leaf, parse(t, sign(t, a, newKey(t), "web1").Certificate[0])} {
			if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		for _, step := range []struct {
			stage string
			do    func() error
		}{{provision.CAStays, a.BeginCA}, {provision.CASpreads, a.SwitchCA}, {provision.CASwitched, a.DropCA}} {
			if a.CAStage() != step.stage {
				continue
			}
			if err := step.do(); err != nil {
				t.Errorf("%s: from %q: %v", tt.name, step.stage, err)
			}
			_, sum := a.Bundle()
			if _, again := open().Bundle(); again != sum {
				t.Errorf("%s: after %q another start trusts others", tt.name, step.stage)
			}
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 2 || bytes.Equal(a.CA(), first) {
			t.Errorf("%s: in the end there is %q, %v", tt.name, left, err)
		}
		st.Close()
	}
}

func copyTo(dir, from, to string) error {
	b, err := os.ReadFile(filepath.Join(dir, from))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, to), b, 0o644)
}

func parse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
