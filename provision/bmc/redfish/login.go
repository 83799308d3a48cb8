package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rackhand/provision/bmc"
)

const (
	rootPath     = "/redfish/v1/"
	sessionsPath = "/redfish/v1/SessionService/Sessions"
)

// A root is the service root (DSP0266 §6.3), which is read without credentials.
type root struct {
	Vendor, Product string
	Oem             map[string]json.RawMessage
	Systems         link
	Managers        link
	Chassis         link
	AccountService  link
	SessionService  link
	Links           struct {
		Sessions link
		Manager  link `json:"ManagerProvidingService"`
	}
}

// vendor is the maker in a word. Older services have no Vendor: their own part of the root
// is named after it.
func (r root) vendor() string {
	if v := value(r.Vendor); v != "" {
		return v
	}
	if len(r.Oem) == 1 {
		for name := range r.Oem {
			return value(name)
		}
	}
	return ""
}

// open reads the root and logs in.
func (s *session) open(ctx context.Context) error {
	if err := s.readRoot(ctx); err != nil {
		return err
	}
	s.memory.Protocol = bmc.Redfish
	if err := s.login(ctx); err != nil {
		return err
	}
	s.memory.Account = s.target.User
	if v := s.root.vendor(); v != "" {
		s.memory.Vendor = v
	}
	return nil
}

func (s *session) readRoot(ctx context.Context) error {
	r, err := s.c.send(ctx, http.MethodGet, rootPath, nil, nil)
	if err != nil {
		return err
	}
	switch {
	case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
		// Against the standard; the usual places are tried.
		s.root = root{Links: s.root.Links}
		s.root.Links.Sessions = sessionsPath
		s.fillRoot()
		return nil
	case r.status == http.StatusNotFound:
		return &bmc.Error{Kind: bmc.ErrNoRedfish, Err: fmt.Errorf("%s: 404", rootPath)}
	case r.status == http.StatusOK && r.isHTML():
		return &bmc.Error{Kind: bmc.ErrNoRedfish, Err: fmt.Errorf("%s is a page for people", rootPath)}
	case r.status != http.StatusOK:
		return r.judge()
	}
	if err := decode(r.body, &s.root); err != nil {
		return unreadable(r, err)
	}
	s.fillRoot()
	return nil
}

// fillRoot puts the standard's own paths where the root has none.
func (s *session) fillRoot() {
	for at, path := range map[*link]link{&s.root.Systems: "/redfish/v1/Systems", &s.root.Managers: "/redfish/v1/Managers", &s.root.Chassis: "/redfish/v1/Chassis", &s.root.AccountService: "/redfish/v1/AccountService"} {
		if *at == "" {
			*at = path
		}
	}
}

// login begins a session of the service; where it has none, each request carries user and
// password (DSP0266 §13.3).
func (s *session) login(ctx context.Context) error {
	at, err := s.sessions(ctx)
	if err != nil {
		return err
	}
	if at == "" {
		return s.loginBasic(ctx)
	}
	body, err := json.Marshal(map[string]string{"UserName": s.target.User, "Password": s.target.Password})
	if err != nil {
		return err
	}
	r, err := s.c.send(ctx, http.MethodPost, string(at), body, nil)
	if err != nil {
		return err
	}
	switch err := r.judge(s.secrets()...); {
	case errors.Is(err, bmc.ErrUnsupported):
		return s.loginBasic(ctx)
	case err != nil:
		return err
	}
	s.token = r.header.Get("X-Auth-Token")
	s.location = sessionLocation(r, at)
	if s.token == "" {
		return &bmc.Error{Kind: bmc.ErrAnswer, Err: fmt.Errorf("the login at %s brought no token", at)}
	}
	if s.location == "" {
		s.log.Warn("BMC doesn't say where its session is, so it can't be ended: it stays open until it times out")
	}
	s.notePasswordChange(r)
	return nil
}

// sessions is where sessions begin: the root's own link says it (iDRAC 3.34:
// /redfish/v1/Sessions), "" if the service has none.
func (s *session) sessions(ctx context.Context) (link, error) {
	if s.root.Links.Sessions != "" || s.root.SessionService == "" {
		return s.root.Links.Sessions, nil
	}
	r, err := s.c.send(ctx, http.MethodGet, string(s.root.SessionService), nil, nil)
	if err != nil {
		return "", err
	}
	var service struct{ Sessions link }
	if r.status == http.StatusOK && decode(r.body, &service) == nil && service.Sessions != "" {
		return service.Sessions, nil
	}
	return link(strings.TrimRight(string(s.root.SessionService), "/") + "/Sessions"), nil
}

// sessionLocation is where the session can be ended. Some services give it in the body only,
// or only its id. Of a whole URL the path counts: the session is on this BMC.
func sessionLocation(r *reply, collection link) link {
	if u, err := url.Parse(r.header.Get("Location")); err == nil {
		if path := localPath(u.EscapedPath()); path != "" {
			return link(path)
		}
	}
	var d struct {
		Self link `json:"@odata.id"`
		ID   string
	}
	if decode(r.body, &d) != nil {
		return ""
	}
	if d.Self != "" || d.ID == "" {
		return d.Self
	}
	return link(strings.TrimRight(string(collection), "/") + "/" + url.PathEscape(d.ID))
}

// loginBasic has nothing to log in to, so it asks for something that needs the password.
func (s *session) loginBasic(ctx context.Context) error {
	s.basic = true
	_, err := s.get(ctx, s.root.Systems, &struct{}{})
	return err
}

// notePasswordChange keeps the account that must get another password first, which is all
// that such a session may write (DSP0266 §13.2.6).
func (s *session) notePasswordChange(r *reply) {
	for _, m := range r.said() {
		if (words{m}).has("PasswordChangeRequired") && len(m.Args) > 0 && localPath(m.Args[0]) != "" {
			s.mustChange = link(localPath(m.Args[0]))
		}
	}
}

// Close implements bmc.Session.
func (s *session) Close(ctx context.Context) {
	defer s.c.http.CloseIdleConnections()
	if s.location == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutLimit)
	defer cancel()
	s.c.lonely = true
	r, err := s.c.send(ctx, http.MethodDelete, string(s.location), nil, s.auth())
	if err == nil && r.status != http.StatusUnauthorized && r.status != http.StatusNotFound { // those have ended by themselves
		err = r.judge(s.secrets()...)
	}
	if err != nil {
		s.log.Warn("BMC session can't be ended: it stays open until it times out", "error", err)
	}
	s.location, s.token = "", ""
}
