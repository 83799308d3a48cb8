package upgrade

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// newReplaced is the record and folder of a host whose program "one" was replaced by "two".
func newReplaced(t *testing.T) *Upgrader {
	t.Helper()
	u := newUpgrader(t)
	u.Trial = func(context.Context, string) error { return nil }
	if err := u.Fetch(offer("two"), from("two")); err != nil {
		t.Fatal(err)
	}
	if replaced, err := u.Try(t.Context()); !replaced || err != nil {
		t.Fatal(replaced, err)
	}
	u.is(t, "replaced", "two")
	return u
}

// start is the start of a new process.
func (u *Upgrader) start() error {
	*u = Upgrader{Program: u.Program, Record: u.Record, Trial: u.Trial, Control: u.Control, Log: u.Log}
	return u.Open()
}

// TestRollBack: a new program that is started five times without a completed run gives its
// place back, and isn't taken again.
func TestRollBack(t *testing.T) {
	u := newReplaced(t)
	for i := range maxStarts {
		if err := u.start(); err != nil {
			t.Fatalf("start %d: %v", i, err)
		}
	}
	u.is(t, "started five times", "two")
	if err := u.start(); !errors.Is(err, ErrRolledBack) {
		t.Fatal(err)
	}
	u.is(t, "rolled back", "one")
	if err := u.start(); err != nil {
		t.Fatal(err)
	}
	if err := u.Fetch(offer("two"), from("two")); err != nil || u.Staged() || !strings.Contains(u.Warning(), "it was started 5 times and completed no run") {
		t.Errorf("%v, staged %t, %q", err, u.Staged(), u.Warning())
	}
	if err := u.Fetch(offer("three"), from("three")); err != nil || !u.Staged() {
		t.Errorf("another one isn't taken: %v", err)
	}
}

// TestNoRollBack: a program that completed a run stays, however often it is started.
func TestNoRollBack(t *testing.T) {
	u := newReplaced(t)
	for range maxStarts {
		if err := u.start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Completed(); err != nil {
		t.Fatal(err)
	}
	for range 2 * maxStarts {
		if err := u.start(); err != nil {
			t.Fatal(err)
		}
	}
	u.is(t, "proved", "two")
	if b, err := os.ReadFile(u.Record); err != nil || string(b) != "{}" {
		t.Errorf("the record is %s, %v", b, err)
	}
}

// TestRollBackCutShort: a kill between the record and the rename is made up for, a missing
// program before this one is no reason to stop, and a program that the operator put there
// himself stays.
func TestRollBackCutShort(t *testing.T) {
	u := newReplaced(t)
	o := offer("two")
	due := Record{Refused: &Refused{SHA256: o.SHA256, Version: o.Version, Why: "x"}, RollBack: true}
	if err := due.save(u.Record); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(u.Program.Previous(), u.Program.Previous()+".away"); err != nil {
		t.Fatal(err)
	}
	if err := u.start(); err == nil || errors.Is(err, ErrRolledBack) {
		t.Errorf("without a program before it: %v", err)
	}
	if err := os.Rename(u.Program.Previous()+".away", u.Program.Previous()); err != nil {
		t.Fatal(err)
	}
	if err := u.start(); !errors.Is(err, ErrRolledBack) {
		t.Errorf("the rename was cut off: %v", err)
	}
	u.is(t, "the rename was cut off", "one")
	if err := os.WriteFile(u.Program.Path, []byte("by hand"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := u.start(); err != nil {
		t.Errorf("by hand: %v", err)
	}
	u.is(t, "by hand", "by hand")
}
