package redfishsim

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maxRequest bounds a request's body.
const maxRequest = 1 << 20

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(http.StatusRequestEntityTooLarge, "MalformedJSON", "The body is too long.").write(w)
		return
	}
	s.note(r, string(text))
	if s.badContent(w, r) {
		return
	}
	s.mu.Lock()
	a := s.answer(r, text)
	s.mu.Unlock()
	a.write(w)
}

// note records a request.
func (s *Service) note(r *http.Request, body string) {
	_, _, basic := r.BasicAuth()
	q := Request{
		Method: r.Method, Path: r.URL.Path, Body: body, IfMatch: r.Header.Get("If-Match"),
		Credentials: basic || r.Header.Get("X-Auth-Token") != "" || strings.Contains(body, `"Password"`),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(r.Host, "localhost:") {
		s.elsewhere = append(s.elsewhere, q)
		return
	}
	s.requests = append(s.requests, q)
}

// answer decides and acts. The lock is held.
func (s *Service) answer(r *http.Request, text []byte) answer {
	p := strings.TrimRight(r.URL.Path, "/")
	s.settle()
	if a, public := s.public(r, p); public {
		return a
	}
	if r.Method == http.MethodPost && p == s.sessionsPath() {
		return s.login(text)
	}
	who, a := s.authenticate(r)
	if who == nil {
		return a
	}
	if who.mustChange && (r.Method != http.MethodPatch || p != who.account) && (r.Method != http.MethodDelete || !s.isSession(p)) {
		return refuse(http.StatusForbidden, "PasswordChangeRequired", "The password provided for this account must be changed before access is granted. PATCH the Password property for this account located at the target URI '%s' to complete this process.", who.account)
	}
	if q := r.URL.RawQuery; strings.Contains(q, "$expand") || strings.Contains(q, "$filter") || strings.Contains(q, "$select") {
		return refuse(http.StatusNotImplemented, "QueryNotSupported", "Querying is not supported by the implementation.")
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return s.get(p)
	case http.MethodDelete:
		return s.remove(who, p)
	case http.MethodPatch, http.MethodPost:
	default:
		return refuse(http.StatusMethodNotAllowed, "OperationNotAllowed", "The HTTP method is not allowed on this resource.")
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return refuse(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The body must be application/json.")
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		return refuse(http.StatusBadRequest, "MalformedJSON", "The request body submitted was malformed JSON and could not be parsed by the receiving service.")
	}
	if r.Method == http.MethodPost {
		return s.post(who, p, body)
	}
	return s.patch(who, p, r.Header.Get("If-Match"), body)
}

// public answers what needs no login (DSP0266 §13.3.1).
func (s *Service) public(r *http.Request, p string) (answer, bool) {
	if r.Method != http.MethodGet {
		return answer{}, false
	}
	switch p {
	case "/redfish":
		return answer{status: http.StatusOK, body: map[string]string{"v1": "/redfish/v1/"}}, true
	case root:
		return show(s.tree[root]), true
	case root + "/odata":
		return answer{status: http.StatusOK, body: map[string]any{"@odata.context": "/redfish/v1/$metadata", "value": []any{}}}, true
	}
	return answer{}, false
}

func (s *Service) get(p string) answer {
	if p == s.sessionsPath() {
		return show(s.sessionList())
	}
	if one := s.sessionAt(p); one != nil {
		return show(one.document(p))
	}
	doc := s.tree[p]
	if doc == nil {
		return notFound(p)
	}
	return show(doc)
}

// remove deletes a session or an account.
func (s *Service) remove(who *identity, p string) answer {
	if s.isSession(p) {
		delete(s.sessions, s.sessionAt(p).id)
		return done()
	}
	if s.isAccount(p) {
		return s.removeAccount(who, p)
	}
	if s.tree[p] == nil {
		return notFound(p)
	}
	return refuse(http.StatusMethodNotAllowed, "ResourceCannotBeDeleted", "The delete request failed because the resource requested cannot be deleted.")
}

// post runs an action, or makes an account.
func (s *Service) post(who *identity, p string, body map[string]any) answer {
	if collection := s.accountsPath(); collection != "" && p == collection {
		return s.makeAccount(who, body)
	}
	for _, at := range s.sortedPaths() {
		actions, _ := s.tree[at]["Actions"].(map[string]any)
		for name, v := range actions {
			action, _ := v.(map[string]any)
			target, _ := action["target"].(string)
			if strings.TrimRight(target, "/") != p {
				continue
			}
			if !who.may("ConfigureComponents") {
				return insufficient()
			}
			switch name {
			case "#ComputerSystem.Reset":
				return s.reset(at, action, body)
			case "#LogService.ClearLog":
				return s.clearLog(at)
			}
			return refuse(http.StatusNotImplemented, "ActionNotSupported", "The action %s is not supported.", name)
		}
	}
	return notFound(p)
}

func insufficient() answer {
	return refuse(http.StatusForbidden, "InsufficientPrivilege", "There are insufficient privileges for the account or credentials associated with the current session to perform the requested operation.")
}
