package converge

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"
)

// TestExposedHostKey: a host's key that others may read is not used.
func TestExposedHostKey(t *testing.T) {
	p := Paths{Root: t.TempDir()}
	if err := os.MkdirAll(p.folder(), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := keyAt(p.key(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKey(p.key()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.key(), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKey(p.key()); err == nil || !strings.Contains(err.Error(), "chmod 0600 "+p.key()) {
		t.Errorf("got %v", err)
	}
}
