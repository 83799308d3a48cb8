// Package space makes network namespaces for tests, which are removed even if the
// test is killed.
package space

import (
	"crypto/rand"
	"encoding/hex"
	"os/exec"
	"testing"

	"rackhand/provision/janitor"
)

// New makes a network namespace with lo up, and returns its name. At the test's end, or
// the program's, it goes, with all that runs in it. No two calls make the same name, so
// tests that use it may run side by side.
func New(t testing.TB, purpose string) string {
	t.Helper()
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		t.Fatal(err)
	}
	name := "rh-" + purpose + "-" + hex.EncodeToString(id)
	// First the janitor, then what it may have to clear away.
	j, err := janitor.Start("", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Sweep(); err != nil {
			t.Errorf("namespace %s: %v", name, err)
		}
	})
	for _, args := range [][]string{
		{"netns", "add", name},
		{"-n", name, "link", "set", "lo", "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s(namespaces need root and the package iproute2)", args, err, out)
		}
	}
	return name
}
