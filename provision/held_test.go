package provision_test

import (
	"slices"
	"testing"
	"time"

	"rackhand/provision"
)

// TestHeld: while a box waits for the operator its arming doesn't expire; released, it has the
// time of a boot.
func TestHeld(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	in := provision.Install{
		Stage: provision.Addressed, Armed: true, Budget: provision.Budget{Attempts: 3}, Expires: now.Add(-time.Hour),
		Reached: map[provision.Stage]time.Time{provision.Addressed: now.Add(-2 * time.Hour)},
	}
	does := func(in provision.Install, now time.Time) bool {
		do := provision.Next(in, now)
		return slices.Contains(do, provision.DoExpire)
	}
	if may, _ := in.MayHandOut(now); may || !does(in, now) {
		t.Fatal("an arming that nobody waits for has not expired")
	}
	in.Held = &provision.Held{Attempt: 1, MAC: "52:54:00:00:00:01", Address: "10.77.0.11", UUID: "4c4c4544", SwitchPort: "port 7"}
	if may, why := in.MayHandOut(now); !may || does(in, now) || in.ReleasedFor(1) {
		t.Errorf("it waits: %v, %s", may, why)
	}
	if text := in.Held.String(); text != "MAC 52:54:00:00:00:01, address 10.77.0.11, UUID 4c4c4544, switch port port 7" {
		t.Error(text)
	}
	in = in.Release(now)
	if may, why := in.MayHandOut(now.Add(9 * time.Minute)); !may || !in.ReleasedFor(1) || in.ReleasedFor(2) || in.Held != nil {
		t.Errorf("released: %v, %s, %+v", may, why, in)
	}
	if may, _ := in.MayHandOut(now.Add(11 * time.Minute)); may {
		t.Error("what was released is armed for ever")
	}
}
