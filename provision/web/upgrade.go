package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/agentfile"
	"rackhand/provision/catalog"
)

// offered returns the agent that a host should run; nil when it keeps its own.
func (s *Server) offered(h *inventory.Host) *agentfile.Program {
	if s.Agent.Canary != "" && h.Group != s.Agent.Canary {
		return nil
	}
	return s.Programs.Offered(processor(h))
}

// processor is that of a host, in Debian's word; a host without a system is taken for amd64.
func processor(h *inventory.Host) string {
	if h.System == nil {
		return inventory.ArchAMD64
	}
	return h.System.Processor()
}

// agentRuns records the version of the agent that asks, and offers another if the host should
// run that one. An agent that states no version can't replace itself.
func (s *Server) agentRuns(c echo.Context, h *inventory.Host) error {
	version := c.Request().Header.Get(catalog.HeaderAgent)
	if !catalog.IsVersion(version) {
		return nil
	}
	if p := s.offered(h); p != nil && p.Version != version {
		c.Response().Header().Set(catalog.HeaderOffer, p.Offer.String())
	}
	trusts := c.Request().Header.Get(catalog.HeaderCA)
	if !catalog.IsSHA256(trusts) {
		trusts = ""
	}
	if _, sum := s.Authority.Bundle(); trusts != "" && trusts != sum {
		c.Response().Header().Set(catalog.HeaderCA, sum)
	}
	if c.Request().Header.Get(catalog.HeaderTrial) != "" || s.Journal.KnowsAgent(h.Name, version, trusts) {
		return nil // not the host's agent yet, or nothing to write, as nearly always
	}
	if err := s.take(c, s.taken.versions, h.Name, "versions of its agent", "limits.reports", s.Limits.Reports); err != nil {
		return err
	}
	if err := s.Journal.AgentRuns(h.Name, version, trusts); err != nil {
		return s.unrecorded(h.Name, err)
	}
	return nil
}

// newAgent sends the program that the host is offered, by its hash.
func (s *Server) newAgent(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	p := s.offered(h)
	if p == nil || p.SHA256 != c.Param("sha256") {
		return echo.NewHTTPError(http.StatusNotFound, "this host is not offered that agent")
	}
	return s.sendProgram(c, p)
}

// agentBinary sends an installer the agent of its host.
func (s *Server) agentBinary(c echo.Context) error {
	in, h, err := s.holder(c)
	if err == nil && in.Job != provision.NoJob {
		err = errRefused // nothing is installed
	}
	if err != nil {
		return err
	}
	if p := s.offered(h); p != nil {
		return s.sendProgram(c, p)
	}
	b, err := bootfiles.Payload(bootfiles.PayloadAgent, processor(h))
	if err != nil {
		s.Log.Error("the agent's binary", "error", err)
		s.warn(h.Name, "no-agent", fmt.Sprintf("%s is %s, and this rackhand carries no agent for it: `make build` puts one in", h.Name, processor(h)))
		return echo.NewHTTPError(http.StatusServiceUnavailable, "this rackhand carries no agent for that processor")
	}
	return send(c, bytes.NewReader(b))
}

func (s *Server) sendProgram(c echo.Context, p *agentfile.Program) error {
	f, err := p.Open()
	if err != nil {
		s.Log.Error("the agent's program", "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "the agent's program can't be read")
	}
	defer f.Close()
	return send(c, f)
}

func send(c echo.Context, f io.ReadSeeker) error {
	c.Response().Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(newCounter(c.Response().Writer), c.Request(), "", time.Time{}, f)
	c.Response().Committed = true
	return nil
}
