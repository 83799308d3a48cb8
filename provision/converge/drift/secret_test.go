package drift_test

import (
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/drift"
)

// TestPasswordCause: a new password can't be told from drift. Another change of that user can,
// such as being put into a group by hand.
func TestPasswordCause(t *testing.T) {
	for message, want := range map[string]string{
		catalog.PasswordChanged:                            catalog.CauseSecret,
		"groups: removes sudo":                             catalog.CauseDrift,
		"groups: removes sudo; " + catalog.PasswordChanged: catalog.CauseDrift,
	} {
		c := &catalog.Catalog{Version: "1", Resources: []catalog.Resource{{ID: "user[a]", User: &catalog.User{Name: "a", Ensure: catalog.Present}, HasSecret: true}}}
		run := drift.Run{Catalog: c}
		memory := drift.Memory{}.Judge(run, []catalog.Result{{ID: "user[a]", Status: catalog.OK}})
		results := []catalog.Result{{ID: "user[a]", Status: catalog.Changed, Message: message}}
		memory.Judge(run, results)
		if results[0].Cause != want {
			t.Errorf("%s: %s, want %s", message, results[0].Cause, want)
		}
	}
}

// TestHashWithoutPassword: the memory on disk tells nothing of a password's hash, in a catalog
// of either format.
func TestHashWithoutPassword(t *testing.T) {
	of := func(hash string) string {
		return drift.Hash(catalog.Resource{ID: "user[a]", User: &catalog.User{Name: "a", Ensure: catalog.Present, Password: hash}}, "1")
	}
	if of("$6$a$one.hash.of.it") != of("$6$a$another.hash") {
		t.Error("it depends on the password")
	}
	if of("$6$a$one.hash.of.it") == of("") {
		t.Error("a user with a password counts as one without")
	}
}
