package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/pki"
)

// renew gives a host the certificate after the one that it shows, which may have expired.
// The handshake has proved that the host holds its key, in this connection and no other.
func (s *Server) renew(c echo.Context) error {
	ctx := c.Request().Context()
	grace := time.Duration(s.Agent.Grace) * 24 * time.Hour
	r, err := s.Authority.Renewable(ctx, c.Request().TLS, grace)
	h, err := s.speaksFor(c, r.Cert, err)
	if err != nil {
		return err
	}
	if err := s.runsAlready(h.Name); err != nil {
		return err
	}
	if err := s.take(c, s.taken.enrolments, h.Name, "enrolments", "limits.reports", s.Limits.Reports); err != nil {
		return err
	}
	var request catalog.RenewRequest
	if err := body(c, &request); err != nil {
		return err
	}
	csr, err := pki.ParseCSR(request.CSR, h.Name)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	cert, err := s.Authority.Renew(ctx, r, csr)
	switch {
	case errors.Is(err, pki.ErrSameKey):
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	case err != nil:
		s.Log.Error("renewing a certificate", "host", h.Name, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not signed: try again")
	}
	text := "its certificate was renewed"
	if r.Late > 0 {
		text += fmt.Sprintf(", %d days after it had expired", r.Late/(24*time.Hour))
	}
	if err := s.Journal.Record(provision.Event{Host: h.Name, Source: "agent", Kind: "certificate-renewed", Message: text}); err != nil {
		return s.unrecorded(h.Name, err)
	}
	return c.JSON(http.StatusOK, catalog.EnrolReply{Certificate: string(cert)})
}
