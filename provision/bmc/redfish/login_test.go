package redfish

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/bmc"
)

// TestLoginPlaces: where a session begins and ends, and when the password goes with each
// request instead.
func TestLoginPlaces(t *testing.T) {
	const self = at + "/SessionService/Sessions/token-1"
	for _, tt := range []struct {
		name   string
		docs   documents
		hook   hook
		begins string // POST; "" for no session
		ends   string // DELETE
	}{
		{"usual", nil, nil, at + "/SessionService/Sessions", self},
		{
			"the root's link leads elsewhere (iDRAC 3.34)",
			documents{at: `{"Links":{"Sessions":{"@odata.id":"/redfish/v1/Sessions"}},"SessionService":{"@odata.id":"/redfish/v1/SessionService"}}`},
			nil, at + "/Sessions", at + "/Sessions/token-1",
		},
		{
			"only the service is named",
			documents{at: `{"SessionService":{"@odata.id":"/redfish/v1/SessionService"}}`},
			on("GET /redfish/v1/SessionService", 200, nil, `{"Sessions":{"@odata.id":"/redfish/v1/My/Sessions"}}`), at + "/My/Sessions", at + "/My/Sessions/token-1",
		},
		{
			"only the service is named, and behind a password",
			documents{at: `{"SessionService":{"@odata.id":"/redfish/v1/Service"}}`},
			nil, at + "/Service/Sessions", at + "/Service/Sessions/token-1",
		},
		{"a location with a host", nil, created("https://192.0.2.77:444"+self, "{}"), at + "/SessionService/Sessions", self},
		{"a location in the body only", nil, created("", `{"@odata.id":"`+self+`"}`), at + "/SessionService/Sessions", self},
		{"an id only", nil, created("", `{"Id":"token-1"}`), at + "/SessionService/Sessions", self},
		{"no session service", documents{at: `{}`}, nil, "", ""},
		{"a session service that isn't there", nil, on("POST /redfish/v1/SessionService/Sessions", 404, nil, ""), at + "/SessionService/Sessions", ""},
		{"a root behind a password", nil, rootRefused, at + "/SessionService/Sessions", self},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, target := newFake(t, plain().with(tt.docs).get)
			var basic []string
			f.hook = func(w http.ResponseWriter, r *http.Request, body string) bool {
				if _, _, ok := r.BasicAuth(); ok {
					basic = append(basic, r.URL.Path)
				}
				if tt.hook == nil || !tt.hook(w, r, body) {
					return false
				}
				if token := w.Header().Get("X-Auth-Token"); token != "" {
					f.open[token] = true
				}
				return true
			}
			s, err := testDriver().Open(t.Context(), target, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Status(t.Context()); err != nil {
				t.Error(err)
			}
			s.Close(t.Context())
			got := slices.DeleteFunc(slices.Clone(f.requests), func(r string) bool { return strings.HasPrefix(r, "GET") })
			var want []string
			if tt.begins != "" {
				want = append(want, "POST "+tt.begins+` {"Password":"`+testPassword+`","UserName":"admin"}`)
			}
			if tt.ends != "" {
				want = append(want, "DELETE "+tt.ends)
			}
			if !slices.Equal(got, want) {
				t.Errorf("sent %q, want %q", got, want)
			}
			if (len(basic) > 0) != (tt.ends == "") || slices.Contains(basic, at+"/") {
				t.Errorf("the password went with %v", basic)
			}
		})
	}
}

func rootRefused(w http.ResponseWriter, r *http.Request, _ string) bool {
	if r.URL.Path != at+"/" {
		return false
	}
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

// created answers a login with this location and body.
func created(location, body string) hook {
	return func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if r.Method != http.MethodPost {
			return false
		}
		w.Header().Set("X-Auth-Token", "token-1")
		if location != "" {
			w.Header().Set("Location", location)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// TestSessionEnds: one new login when the session has ended meanwhile, and none after a login
// that was refused, which could lock the account.
func TestSessionEnds(t *testing.T) {
	f, target := newFake(t, plain().get)
	s := login(t, target)
	forget := func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		clear(f.open)
	}
	forget()
	if _, err := s.Status(t.Context()); err != nil || f.logins != 2 {
		t.Fatalf("%v after %d logins", err, f.logins)
	}
	if err := s.Power(t.Context(), bmc.Reset); err != nil || len(f.sent()) != 1 {
		t.Errorf("%v after %v", err, f.sent())
	}
	tries := 0
	f.hook = func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if strings.HasSuffix(r.URL.Path, "/Sessions") {
			tries++
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return false
	}
	forget()
	for range 3 {
		if _, err := s.Status(t.Context()); !errors.Is(err, bmc.ErrCredentials) {
			t.Errorf("got %v", err)
		}
	}
	if tries != 1 {
		t.Errorf("%d logins were tried", tries)
	}
	s.Close(t.Context())
}
