package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/pki"
)

// newCA sends an agent the CAs to trust.
func (s *Server) newCA(c echo.Context) error {
	if _, err := s.agent(c); err != nil {
		return err
	}
	bundle, _ := s.Authority.Bundle()
	return c.Blob(http.StatusOK, "application/x-pem-file", bundle)
}

func (s *Server) caStatus(c echo.Context) error {
	st, err := s.caStands(c.Request().Context())
	if err != nil {
		return operatorError(err)
	}
	return c.JSON(http.StatusOK, st)
}

func (s *Server) caStands(ctx context.Context) (provision.CAStatus, error) {
	st := provision.CAStatus{Expires: s.Authority.Expires(), Stage: s.Authority.CAStage()}
	if st.Stage == provision.CAStays {
		return st, nil
	}
	all, err := s.Authority.Certs(ctx)
	if err != nil {
		return st, err
	}
	hosts, snap := s.Journal.SeenHosts(), s.Snapshot()
	_, sum := s.Authority.Bundle()
	for _, cert := range all {
		switch {
		case cert.Revoked != "" || snap.Hosts[cert.Host] == nil:
		case st.Stage == provision.CASpreads && hosts[cert.Host].Trusts != sum, st.Stage == provision.CASwitched && (s.Authority.ByOldCA(cert) || cert.Before != ""):
			st.Waiting = append(st.Waiting, cert.Host)
		}
	}
	slices.Sort(st.Waiting)
	return st, nil
}

// changeCA takes a step of a change of the CA, at the operator's request.
func (s *Server) changeCA(c echo.Context) error {
	ctx := c.Request().Context()
	var r provision.CARequest
	if err := body(c, &r); err != nil {
		return err
	}
	s.caMu.Lock()
	defer s.caMu.Unlock()
	st, err := s.caStands(ctx)
	if err != nil {
		return operatorError(err)
	}
	if r.Step == "finish" && len(st.Waiting) > 0 && !r.Force {
		return echo.NewHTTPError(http.StatusConflict, fmt.Sprintf("%d hosts would lose the appliance: %s; wait for their agents, or use --force", len(st.Waiting), strings.Join(st.Waiting, ", ")))
	}
	said, err := s.stepCA(ctx, r.Step, st.Stage)
	switch {
	case errors.Is(err, pki.ErrCAStage):
		return echo.NewHTTPError(http.StatusConflict, err.Error())
	case err != nil:
		return operatorError(err)
	}
	if err := s.Journal.Record(provision.Event{Source: "operator", Kind: "ca", Message: said}); err != nil {
		return operatorError(err)
	}
	return s.caStatus(c)
}

func (s *Server) stepCA(ctx context.Context, step, stage string) (said string, err error) {
	switch {
	case step == "renew" && stage == provision.CAStays:
		return "a change of the CA began: agents get the next CA with their next run", s.Authority.BeginCA()
	case step == "finish" && stage == provision.CASpreads:
		if err := s.Authority.SwitchCA(); err != nil {
			return "", err
		}
		if s.Bind != nil {
			err = s.Bind(ctx, s.Authority.CA())
		}
		return "the next CA signs: hosts get certificates of it with their next run", err
	case step == "finish" && stage == provision.CASwitched:
		return "the change of the CA is done: the old one is not trusted any more", s.Authority.DropCA()
	}
	return "", fmt.Errorf("%w: %q", pki.ErrCAStage, stage)
}
