package ipmi

import (
	"errors"
	"strings"
	"testing"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

func TestUsers(t *testing.T) {
	b := bmctest.Serve(t)
	b.AddUser(t, 3, "tool", 3)
	s := open(t, b)
	list := func() string {
		t.Helper()
		all, err := s.Users(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for _, a := range all {
			state := "on"
			if !a.Enabled {
				state = "off"
			}
			text = append(text, a.ID+" "+a.Name+" "+string(a.Privilege)+" "+state)
		}
		return strings.Join(text, ", ")
	}
	const two = "2 admin administrator on, 3 tool operator on"
	if got := list(); got != two {
		t.Fatalf("%s", got)
	}
	for _, tt := range []struct {
		name     string
		account  bmc.Account
		password string
		want     string // the list after it
		fails    string
	}{
		{"by its name", bmc.Account{Name: "tool", Privilege: bmc.User, Enabled: true}, "", "2 admin administrator on, 3 tool user on", ""},
		{"by its id", bmc.Account{ID: "3", Name: "tool", Privilege: bmc.Operator, Enabled: true}, "", two, ""},
		{"disabled", bmc.Account{Name: "tool"}, "", "2 admin administrator on, 3 tool operator off", ""},
		{"enabled again", bmc.Account{Name: "tool", Privilege: bmc.Operator, Enabled: true}, "another-password", two, ""},
		{"its own, disabled", bmc.Account{Name: "admin"}, "", two, "logged in"},
		{"its own, with less", bmc.Account{ID: "2", Name: "admin", Privilege: bmc.User, Enabled: true}, "", two, "logged in"},
		{"its own, renamed", bmc.Account{ID: "2", Name: "root", Privilege: bmc.Administrator, Enabled: true}, "", two, "logged in"},
		{"a name twice", bmc.Account{ID: "4", Name: "tool", Privilege: bmc.User, Enabled: true}, "x", two, "account 3 has the name"},
		{"no such slot", bmc.Account{ID: "99", Name: "x", Privilege: bmc.User, Enabled: true}, "x", two, "no account 99"},
		{"no privilege", bmc.Account{Name: "x", Enabled: true}, "x", two, "no privilege"},
		{"a long name", bmc.Account{Name: "seventeen-bytes--", Privilege: bmc.User, Enabled: true}, "x", two, "16 printable"},
		{"a long password", bmc.Account{Name: "x", Privilege: bmc.User, Enabled: true}, strings.Repeat("p", 21), two, "at most 20 bytes"},
		{"new", bmc.Account{Name: "new", Privilege: bmc.Operator, Enabled: true}, "0123456789abcdefghij", two + ", 4 new operator on", ""},
	} {
		err := s.SetUser(t.Context(), tt.account, tt.password)
		if (err == nil) != (tt.fails == "") || err != nil && (!strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), "ppppp")) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fails)
		}
		if got := list(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	// The passwords of both sizes are right.
	for user, password := range map[string]string{"tool": "another-password", "new": "0123456789abcdefghij"} {
		target := b.Target
		target.User, target.Password = user, password
		if _, err := status(t.Context(), Driver{}, target, &bmc.Memory{}); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	// A BMC that takes the command and keeps what it had.
	b.Answer(types.CommandSetUserAccess, answer())
	if err := s.SetUser(t.Context(), bmc.Account{Name: "new", Privilege: bmc.Administrator, Enabled: true}, ""); !errors.Is(err, bmc.ErrRefused) || !strings.Contains(err.Error(), "but the BMC has") {
		t.Errorf("not kept: %v", err)
	}
}
