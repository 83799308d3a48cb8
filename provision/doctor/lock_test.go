package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestLock: one holder a link, seen from outside; let go, it is free and nothing
// stays behind.
func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "locks")
	if _, held, err := Holder(dir, "eth1"); held || err != nil {
		t.Fatalf("held before: %v, %v", held, err)
	}
	release, err := Lock(t.Context(), dir, "eth1")
	if err != nil {
		t.Fatal(err)
	}
	if pid, held, err := Holder(dir, "eth1"); pid != os.Getpid() || !held || err != nil {
		t.Errorf("the holder is %d, %v, %v", pid, held, err)
	}
	_, err = Lock(t.Context(), dir, "eth1")
	if he := (*HeldError)(nil); !errors.As(err, &he) || he.PID != os.Getpid() || he.Link != "eth1" {
		t.Errorf("a second holder: %v", err)
	}
	other, err := Lock(t.Context(), dir, "eth2")
	if err != nil {
		t.Errorf("another link: %v", err)
	}
	other()
	release()
	if _, held, err := Holder(dir, "eth1"); held || err != nil {
		t.Errorf("held afterwards: %v, %v", held, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	again, err := Lock(t.Context(), dir, "eth1")
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// TestLockIsNoSymlink: a link must not lead the lock to another user's file.
func TestLockIsNoSymlink(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := lockPath(dir, "eth1")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(t.Context(), dir, "eth1"); err == nil {
		t.Error("a symbolic link is locked")
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}
