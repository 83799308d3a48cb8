package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/pki"
	"rackhand/provision/store"
)

// slipTime is how long a host must be gone from the inventory, or have another MAC, before
// its certificate is revoked for good. It is refused at once; but an edit that is undone,
// or files that are replaced one after the other, must not cost a rack its agents.
const slipTime = 10 * time.Minute

// stale returns why the system that a certificate was issued to no longer speaks for its
// host, "" when it does. h is the host in the inventory, nil when it has gone; in and job
// are its latest install and job, or nil. A serving host keeps its certificate until its
// disks are really written to, not just until an install or a wipe is armed.
// slip: the reason may be a mistake in editing the inventory.
func stale(c pki.Cert, h *inventory.Host, in, job *provision.Install) (why string, slip bool) {
	switch {
	case h == nil:
		return c.Host + " was removed from the inventory", true
	case len(c.MACs) > 0 && !slices.ContainsFunc(h.MACs, func(m inventory.MAC) bool { return slices.Contains(c.MACs, m.String()) }):
		return fmt.Sprintf("the inventory gave the name to another MAC: %s instead of %s", strings.Join(h.MACTexts(), ", "), strings.Join(c.MACs, ", ")), true
	case provision.Wiped(in, job):
		return "the disks of " + c.Host + " were wiped", false
	case in != nil && in.Written && c.Install != "" && c.Install != in.ID:
		return fmt.Sprintf("%s is being reinstalled (%s)", c.Host, in.ID), false
	}
	return "", false
}

// staleNow is stale with the current inventory and journal.
func (s *Server) staleNow(c pki.Cert) (h *inventory.Host, why string, slip bool) {
	h = s.Snapshot().Hosts[c.Host]
	var in, job *provision.Install
	if now, ok := s.Journal.Install(c.Host); ok {
		in = &now
	}
	if now, ok := s.Journal.Job(c.Host); ok {
		job = &now
	}
	why, slip = stale(c, h, in, job)
	return h, why, slip
}

// holderOf returns the host that a request's certificate speaks for.
func (s *Server) holderOf(c echo.Context) (*inventory.Host, error) {
	cert, err := s.Authority.HostOf(c.Request().Context(), c.Request().TLS)
	h, err := s.speaksFor(c, cert, err)
	if err == nil && s.Authority.RenewNow(cert) {
		c.Response().Header().Set(catalog.HeaderRenew, "due")
	}
	return h, err
}

// speaksFor is the host of a certificate that counts, or that is refused with err.
func (s *Server) speaksFor(c echo.Context, cert pki.Cert, err error) (*inventory.Host, error) {
	var h *inventory.Host
	if err == nil {
		var why string
		if h, why, _ = s.staleNow(cert); why == "" {
			return h, nil
		}
		err = &pki.Refusal{Host: cert.Host, Why: why}
	}
	if r := (*pki.Refusal)(nil); errors.As(err, &r) && r.Renew {
		return nil, echo.NewHTTPError(http.StatusUnauthorized, err.Error()) // its agent renews it
	}
	host := ""
	if r := (*pki.Refusal)(nil); errors.As(err, &r) && s.Snapshot().Hosts[r.Host] != nil {
		host = r.Host
		err = fmt.Errorf("%w; if that system is meant to go on, `rackhand enrol %s` gives it another", err, host)
	}
	s.refuse(peer(c), host, "agent-refused", fmt.Sprintf("%s: %v", peer(c), err))
	return nil, echo.NewHTTPError(http.StatusForbidden, err.Error())
}

// SweepCertificates revokes the certificates of systems that no longer speak for their
// hosts, for good: a name that comes back to its MAC, or into the inventory, does not
// bring them back. It is called by one goroutine: at the start, every minute, and when the
// inventory or an install has changed; always with an inventory that is whole.
func (s *Server) SweepCertificates(ctx context.Context) error {
	now := s.Journal.Counted()
	slipped := make(map[string]time.Time)
	defer func() { s.slipped = slipped }()
	all, err := s.Authority.Certs(ctx)
	if err != nil {
		return err
	}
	many := s.manySlip(all)
	for _, c := range all {
		if c.Revoked != "" {
			continue
		}
		h, why, slip := s.staleNow(c)
		since, before := s.slipped[c.Host]
		if slip && (many || !before || now.Sub(since) < slipTime) {
			if slipped[c.Host] = since; many || !before {
				slipped[c.Host] = now
			}
			continue
		}
		switch {
		case why != "":
			err = s.revoke(ctx, c.Host, c.Serial, "appliance", why)
		case !slices.Equal(c.MACs, h.MACTexts()):
			err = s.Authority.Moved(ctx, c.Host, c.Serial, h.MACTexts())
		}
		// Another certificate was issued in between: that one counts.
		if err != nil && !errors.Is(err, pki.ErrNoCert) && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return nil
}

// fewHosts may be removed at once, whatever part of the rack they are.
const fewHosts = 3

// manySlip reports whether the inventory has lost its hosts rather than a host: all of them,
// or more than half of those with certificates. That is a folder that isn't mounted, or an
// edit that went wrong; none of them is to be reinstalled for it, however late it is seen.
func (s *Server) manySlip(all []pki.Cert) bool {
	count, slips := 0, 0
	for _, c := range all {
		if c.Revoked != "" {
			continue
		}
		count++
		if _, _, slip := s.staleNow(c); slip {
			slips++
		}
	}
	if slips == 0 || len(s.Snapshot().Hosts) > 0 && (slips <= fewHosts || slips*2 <= count) {
		return false
	}
	s.warnHourly("certificates-kept", fmt.Sprintf("%d of %d hosts with certificates are gone from the inventory, or have other MACs: look at the inventory's folder. Their agents are refused, but their certificates are not revoked for good until most hosts are back; `rackhand revoke HOST` revokes one", slips, count))
	return true
}

// warnHourly records a warning about no host in particular, once an hour.
func (s *Server) warnHourly(kind, message string) {
	if !s.taken.over.Allow(kind, s.Journal.Counted()) {
		return
	}
	e := provision.Event{Source: "appliance", Kind: kind, Level: provision.LevelWarn, Message: message}
	if err := s.Journal.Record(e); err != nil {
		s.Log.Error("recording an event", "kind", kind, "error", err)
	}
}

func (s *Server) revoke(ctx context.Context, host, serial, source, why string) error {
	if err := s.Authority.Revoke(ctx, host, serial, why); err != nil {
		return err
	}
	return s.Journal.Record(provision.Event{
		Host: host, Source: source, Kind: "certificate-revoked", Level: provision.LevelWarn,
		Message: fmt.Sprintf("the certificate of %s was revoked: %s; its agent gets neither catalog nor secrets until `rackhand enrol %s` or an install gives it another", host, why, host),
	})
}

// revokeHost is `rackhand revoke`, also for hosts that have left the inventory.
func (s *Server) revokeHost(c echo.Context) error {
	host := c.Param("host")
	if err := s.Authority.ForbidEnrolment(c.Request().Context(), host); err != nil {
		return operatorError(err)
	}
	switch err := s.revoke(c.Request().Context(), host, "", "operator", "the operator asked for it"); {
	case errors.Is(err, pki.ErrNoCert):
		if s.Snapshot().Hosts[host] == nil {
			return s.noHost(host)
		}
		return echo.NewHTTPError(http.StatusNotFound, host+": "+err.Error())
	case err != nil:
		return operatorError(err)
	}
	return c.NoContent(http.StatusNoContent)
}
