package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"rackhand/provision/bmc"
)

// A session is a login at a Redfish service, used by one goroutine.
type session struct {
	c        *client
	log      *slog.Logger
	target   bmc.Target
	memory   *bmc.Memory
	root     root
	token    string
	location link   // of the session, where it is ended
	basic    bool   // user and password with each request
	refused  error  // a second login failed: no other is tried, it could lock the account
	also     string // a password that is being set
	// mustChange is the account whose password must be changed first.
	mustChange link

	systemAt  link // found once
	managerAt link
}

func (s *session) secrets() []string { return []string{s.target.Password, s.token, s.also} }

func (s *session) auth() http.Header {
	h := http.Header{}
	switch {
	case s.basic:
		req := http.Request{Header: h}
		req.SetBasicAuth(s.target.User, s.target.Password)
	case s.token != "":
		h.Set("X-Auth-Token", s.token)
	}
	return h
}

// do sends a request with the login, and logs in again once when the session has ended in
// the meantime. The answer may be a refusal.
func (s *session) do(ctx context.Context, method string, path link, body []byte, tag string) (*reply, error) {
	if s.refused != nil {
		return nil, s.refused
	}
	send := func() (*reply, error) {
		h := s.auth()
		if tag != "" {
			h.Set("If-Match", tag)
		}
		return s.c.send(ctx, method, string(path), body, h)
	}
	r, err := send()
	if err != nil || r.status != http.StatusUnauthorized || s.basic {
		return r, err
	}
	s.log.Debug("BMC has ended the session, logging in again")
	s.token, s.location = "", ""
	if err := s.login(ctx); err != nil {
		if errors.Is(err, bmc.ErrCredentials) || errors.Is(err, bmc.ErrLocked) {
			s.refused = err
		}
		return nil, err
	}
	return send()
}

// get reads a resource, and returns its ETag.
func (s *session) get(ctx context.Context, path link, into any) (string, error) {
	if path == "" {
		return "", fmt.Errorf("%w: it doesn't say where that is", bmc.ErrUnsupported)
	}
	r, err := s.do(ctx, http.MethodGet, path, nil, "")
	if err != nil {
		return "", err
	}
	if err := r.judge(s.secrets()...); err != nil {
		s.notePasswordChange(r)
		return "", err
	}
	if err := decode(r.body, into); err != nil {
		return "", unreadable(r, err)
	}
	return tagOf(r), nil
}

// unreadable is the error of a success whose body isn't a JSON object.
func unreadable(r *reply, err error) error {
	why := "it isn't JSON"
	var syntax *json.SyntaxError
	switch {
	case r.isHTML():
		why = "it is a page for people, not JSON"
	case len(r.body) == 0:
		why = "it is empty"
	case errors.As(err, &syntax) && int(syntax.Offset) >= len(r.body):
		why = fmt.Sprintf("its JSON is cut off after %d bytes", len(r.body))
	}
	return &bmc.Error{Kind: bmc.ErrAnswer, Err: fmt.Errorf("GET %s: %s", clean(r.path, shortText), why)}
}

// post starts an action.
func (s *session) post(ctx context.Context, path link, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := s.do(ctx, http.MethodPost, path, text, "")
	if err != nil {
		return err
	}
	return r.judge(s.secrets()...)
}
