package audit_test

import (
	"strings"
	"testing"

	"rackhand/provision"
	"rackhand/provision/bmc"
)

// TestFactory: which factory accounts are tried, and when no more are.
func TestFactory(t *testing.T) {
	locked := func(bmc.Target) error { return &bmc.Error{Kind: bmc.ErrUnreachable} }
	for _, tt := range []struct {
		name   string
		maker  string
		change func(*site)
		off    bool // without --factory
		tried  string
		found  string
	}{
		{"accepted", "Supermicro", func(s *site) { s.of("weba").Admits = knows("rackhand", "s3cret-for-tests", "ADMIN", "ADMIN") }, false, "ADMIN", "factory-account: weba"},
		{"refused", "Dell Inc.", nil, false, "root", ""},
		{"two at most", "IBM", nil, false, "admin USERID", ""},
		{"not asked for", "Supermicro", func(s *site) { s.of("weba").Admits = knows("rackhand", "s3cret-for-tests", "ADMIN", "ADMIN") }, true, "", ""},
		{"a maker with random passwords", "HPE", nil, false, "", ""},
		{"an unknown maker", "", nil, false, "", ""},
		{"the inventory's own", "Supermicro", func(s *site) {
			tt := s.targets["weba"]
			tt.User, tt.Password = "ADMIN", "ADMIN"
			s.targets["weba"] = tt
			s.of("weba").Admits = knows("ADMIN", "ADMIN")
			s.of("weba").Accounts[0].Name = "ADMIN"
		}, true, "", "factory-account: weba"},
		{"accepted, to be changed first", "Supermicro", func(s *site) {
			s.of("weba").Admits = func(b bmc.Target) error {
				if b.Password == "ADMIN" {
					return &bmc.Error{Kind: bmc.ErrPasswordChange}
				}
				return nil
			}
		}, false, "ADMIN", "factory-account: weba"},
		{"the inventory's own, to be changed first", "", func(s *site) {
			tt := s.targets["weba"]
			tt.User, tt.Password = "root", "0penBmc"
			s.targets["weba"] = tt
			s.of("weba").Admits = func(bmc.Target) error { return &bmc.Error{Kind: bmc.ErrPasswordChange} }
		}, true, "", "factory-account: weba\npassword-change: weba"},
		{"silence after a try", "IBM", func(s *site) {
			s.of("weba").Admits = func(b bmc.Target) error {
				if b.User == "rackhand" {
					return nil
				}
				return locked(b)
			}
		}, false, "admin", "locked: weba"},
		{"the own account is refused after a try", "IBM", func(s *site) {
			tried := false
			s.of("weba").Admits = func(b bmc.Target) error {
				if b.User == "rackhand" && !tried {
					return nil
				}
				tried = true
				return &bmc.Error{Kind: bmc.ErrCredentials}
			}
		}, false, "admin", "locked: weba"},
		{"a BMC that doesn't answer", "Supermicro", func(s *site) { s.of("weba").Admits = locked }, false, "", "silent: weba"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, 1)
			f := s.of("weba")
			f.Has.Maker = tt.maker
			if tt.change != nil {
				tt.change(s)
			}
			tried, admits := []string{}, f.Admits
			f.Admits = func(b bmc.Target) error {
				if b.User != s.targets["weba"].User {
					if said := s.said(); strings.Count(said, "factory-try") != len(tried)+1 {
						t.Errorf("%s was tried before that was recorded:\n%s", b.User, said)
					}
					tried = append(tried, b.User)
				}
				return admits(b)
			}
			a, err := s.Audit(t.Context(), provision.AuditRequest{Factory: !tt.off})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(tried, " "); got != tt.tried || kinds(a) != tt.found {
				t.Errorf("tried %q, want %q; found:\n%s\nwant:\n%s", got, tt.tried, kinds(a), tt.found)
			}
			said := s.said()
			for _, secret := range []string{"calvin", "PASSW0RD", "s3cret"} {
				if strings.Contains(said, secret) {
					t.Errorf("an event has the password %s:\n%s", secret, said)
				}
			}
			if f.Opened != f.Closed {
				t.Errorf("%d sessions were opened and %d closed", f.Opened, f.Closed)
			}
		})
	}
}

// TestLockoutStopsAll: a sign of a lockout at one BMC ends the tries at all that come later.
func TestLockoutStopsAll(t *testing.T) {
	s := newSite(t, 40)
	for host := range s.targets {
		f := s.of(host)
		f.Has.Maker = "IBM"
		own := f.Admits
		f.Admits = func(b bmc.Target) error {
			if b.User == "rackhand" {
				return own(b)
			}
			return &bmc.Error{Kind: bmc.ErrUnreachable}
		}
	}
	a, err := s.Audit(t.Context(), provision.AuditRequest{Factory: true})
	if err != nil {
		t.Fatal(err)
	}
	// Those that were under way at that moment had one try each.
	if n := strings.Count(s.said(), "factory-try"); n > 32 || n < 1 || !strings.Contains(kinds(a), "locked:") {
		t.Errorf("%d tries\n%s", n, kinds(a))
	}
}
