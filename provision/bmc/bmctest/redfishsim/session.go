package redfishsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"time"
)

// A session is a login that has a token.
type session struct {
	id, token string
	account   string // its path
	user      string
	used      time.Time
	requests  int
}

// An identity is the account behind a request.
type identity struct {
	account    string
	role       string
	mustChange bool
}

func (i identity) may(privilege string) bool {
	switch i.role {
	case "Administrator":
		return true
	case "Operator":
		return privilege == "ConfigureComponents"
	}
	return false
}

// sessionsPath is the collection of the sessions: where the root's link points.
func (s *Service) sessionsPath() string { return linkOf(at(s.tree[root], "Links", "Sessions")) }

// sessionTimeout is the tree's, 30 minutes where it has none (DSP2046, SessionTimeout).
func (s *Service) sessionTimeout() time.Duration {
	seconds, ok := at(s.tree[linkOf(s.tree[root]["SessionService"])], "SessionTimeout").(float64)
	if !ok || seconds <= 0 {
		return 30 * time.Minute
	}
	return time.Duration(seconds) * time.Second
}

// expire forgets sessions that weren't used for the timeout.
func (s *Service) expire() {
	for id, one := range s.sessions {
		if s.opts.Now().Sub(one.used) > s.sessionTimeout() {
			delete(s.sessions, id)
		}
	}
}

// login makes a session (DSP0266 §13.3.4).
func (s *Service) login(text []byte) answer {
	var c struct{ UserName, Password string }
	if err := json.Unmarshal(text, &c); err != nil {
		return refuse(http.StatusBadRequest, "MalformedJSON", "The request body submitted was malformed JSON.")
	}
	who, a := s.check(c.UserName, c.Password)
	if who == nil {
		return a
	}
	s.expire()
	if len(s.sessions) >= maxSessions || s.faults[SessionsExhausted] {
		return refuse(http.StatusServiceUnavailable, "IDRAC.2.8.RAC0218", "The maximum number of user sessions is reached.")
	}
	s.lastID++
	s.logins++
	one := &session{
		id: fmt.Sprint(s.lastID), token: fmt.Sprintf("token-%d", s.lastID),
		account: who.account, user: c.UserName, used: s.opts.Now(),
	}
	s.sessions[one.id] = one
	p := s.sessionsPath() + "/" + one.id
	doc := one.document(p)
	if who.mustChange {
		doc["@Message.ExtendedInfo"] = []any{extended("Base.1.8.PasswordChangeRequired", "The password provided for this account must be changed before access is granted.")}
	}
	return answer{status: http.StatusCreated, body: doc, header: map[string]string{"X-Auth-Token": one.token, "Location": p}}
}

// authenticate finds the account of a request: by its token, or by basic authentication.
func (s *Service) authenticate(r *http.Request) (*identity, answer) {
	if user, password, ok := r.BasicAuth(); ok {
		return s.check(user, password)
	}
	s.expire()
	for _, one := range s.sessions {
		if one.token != r.Header.Get("X-Auth-Token") {
			continue
		}
		if one.requests++; s.faults[SessionExpires] && one.requests == 3 {
			delete(s.sessions, one.id)
			s.faults[SessionExpires] = false
			break
		}
		one.used = s.opts.Now()
		return s.identity(one.account), answer{}
	}
	return nil, refuse(http.StatusUnauthorized, "NoValidSession", "There is no valid session established with the implementation.")
}

func (s *Service) sessionAt(p string) *session {
	if path.Dir(p) != s.sessionsPath() {
		return nil
	}
	return s.sessions[path.Base(p)]
}

func (s *Service) isSession(p string) bool { return s.sessionAt(p) != nil }

func (one *session) document(p string) map[string]any {
	return map[string]any{
		"@odata.id": p, "@odata.type": "#Session.v1_0_0.Session", "Id": one.id,
		"Name": "User Session", "UserName": one.user, "Password": nil,
	}
}

func (s *Service) sessionList() map[string]any {
	p := s.sessionsPath()
	var members []string
	for _, id := range slices.Sorted(maps.Keys(s.sessions)) {
		members = append(members, p+"/"+id)
	}
	return map[string]any{
		"@odata.id": p, "@odata.type": "#SessionCollection.SessionCollection", "Name": "Session Collection",
		"Members": links(members), "Members@odata.count": len(members),
	}
}
