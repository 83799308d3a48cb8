package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/pki"
)

// allowEnrolment is `rackhand enrol`: it lets a host enrol once more, with a token that the
// operator takes to the host.
func (s *Server) allowEnrolment(c echo.Context) error {
	ctx := c.Request().Context()
	h := s.Snapshot().Hosts[c.Param("host")]
	if h == nil {
		return s.noHost(c.Param("host"))
	}
	next := pki.Cert{Host: h.Name, MACs: h.MACTexts()}
	if in, ok := s.Journal.Install(h.Name); ok {
		if err := awaited(in); err != nil {
			return echo.NewHTTPError(http.StatusConflict, err.Error())
		}
		next.Install = in.ID
	}
	if _, why, _ := s.staleNow(next); why != "" {
		return echo.NewHTTPError(http.StatusConflict, fmt.Sprintf("%s: its next certificate would not count either: `rackhand install %s` gives it a system", why, h.Name))
	}
	token, hash, err := provision.NewToken(s.Random)
	if err != nil {
		return err
	}
	if err := s.Authority.AllowEnrolment(ctx, h.Name, hash); err != nil {
		return operatorError(err)
	}
	err = s.Journal.Record(provision.Event{
		Host: h.Name, Source: "operator", Kind: "enrolment-allowed",
		Message: fmt.Sprintf("the operator allowed the host to enrol once more, within %s", provision.Span(pki.EnrolFor)),
	})
	if err != nil {
		return operatorError(err)
	}
	return c.JSON(http.StatusOK, provision.EnrolmentReply{Token: token, Minutes: int(pki.EnrolFor.Minutes())})
}

// awaited is why a host can't enrol by the operator's token: an install is under way whose
// system is not there yet. A certificate of now would be taken for that system's.
func awaited(in provision.Install) error {
	if in.Stage.Ended() || in.Written {
		return nil
	}
	return fmt.Errorf("%s is going to be installed (%s), and its new system gets a certificate with that: wait for it, or run `rackhand cancel %s` first", in.Host, in.Stage, in.Host)
}

// mayEnrol accepts an enrolment token: the operator's, or that of the host's install.
func (s *Server) mayEnrol(ctx context.Context, h *inventory.Host, token, key string) error {
	in, _ := s.Journal.Install(h.Name)
	err := pki.ErrToken
	if in.ID == "" || awaited(in) == nil {
		err = s.Authority.SpendEnrolment(ctx, h.Name, token, key)
	}
	if errors.Is(err, pki.ErrToken) {
		return s.Journal.Enrol(h.Name, token, key)
	}
	if err != nil {
		return err
	}
	return s.Journal.Record(provision.Event{
		Host: h.Name, Source: "agent", Kind: "enrolled-again", Message: "the agent enrolled by the operator's token: it has a new certificate",
	})
}
