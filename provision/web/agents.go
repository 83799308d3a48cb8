package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/journal"
	"rackhand/provision/pki"
	"rackhand/provision/store"
)

const (
	maxAgentBody = 4 << 20
	// maxEnrolBody bounds what anybody may send: a name, a token and a request.
	maxEnrolBody = 64 << 10
	reportPrefix = "report/"
)

// Agents is the handler of the agents' port.
func (s *Server) Agents() http.Handler {
	e := newEcho(s.Log)
	e.GET("/v1/time", s.time)
	e.POST("/v1/enrol", s.enrol)
	e.GET("/v1/catalog", s.catalog)
	e.POST("/v1/progress", s.progress)
	e.POST("/v1/report", s.report)
	return Patiently(piecePatience, e)
}

// time tells the clock to anyone; for a host whose installer is done it is the
// first sign of life of the installed system.
func (s *Server) time(c echo.Context) error {
	if h := s.Snapshot().HostByAddress(peer(c)); h != nil {
		if err := s.runsAlready(h.Name); err != nil {
			return err
		}
		if in, ok := s.Journal.Install(h.Name); ok && in.Stage == provision.Installed {
			err := s.Journal.Record(provision.Event{
				Host: h.Name, Install: in.ID, Source: "agent", Kind: "booted", Stage: provision.Booted,
				Message: "the installed system is up: its agent asked for the time",
			})
			if err != nil {
				return echo.NewHTTPError(http.StatusServiceUnavailable, "not ready")
			}
		}
	}
	return c.JSON(http.StatusOK, catalog.TimeReply{Time: s.Clock()})
}

// runsAlready sees to it that a host whose agent speaks in the middle of its install is
// not installed over by a later attempt: a system runs on its disks, that of an installer
// whose last report was lost. The operator is asked, unless the agent enrols. What can't
// be recorded is an error for the agent, which then asks again.
func (s *Server) runsAlready(host string) error {
	if in, ok := s.Journal.Install(host); !ok || !runsUnreported(in) {
		return nil
	}
	_, err := s.Journal.Update(host, "", func(in provision.Install) (provision.Install, provision.Event, error) {
		if !runsUnreported(in) {
			return in, provision.Event{}, nil
		}
		in.Blank, in.Doubt = nil, "an agent of this host speaks, so a system runs on its disks"
		return in, provision.Event{
			Source: "agent", Kind: "runs-already", Level: provision.LevelWarn,
			Message: fmt.Sprintf("an agent of this host speaks in the middle of its install, so a system runs on its disks: the box is not handed the installer again. If it is the system of this install, its agent enrols and the install goes on by itself; else `rackhand install %s --wipe` installs it anew and loses what is on its disks, `rackhand cancel %s` leaves it as it is", host, host),
		}, nil
	})
	if err != nil && !errors.Is(err, journal.ErrNoArm) {
		s.Log.Error("recording that a host runs already", "host", host, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not recorded: try again")
	}
	return nil
}

// runsUnreported reports whether an agent that speaks now is news: no system of the host
// runs while its installer does.
func runsUnreported(in provision.Install) bool {
	return in.Doubt == "" && !in.Stage.Ended() && in.Stage.Rank() >= provision.Installer.Rank() && in.Stage.Rank() < provision.Installed.Rank()
}

func (s *Server) enrol(c echo.Context) error {
	var r catalog.EnrolRequest
	c.Request().Body = http.MaxBytesReader(c.Response(), c.Request().Body, maxEnrolBody)
	if err := body(c, &r); err != nil {
		return err
	}
	from := peer(c)
	h := s.Snapshot().Hosts[r.Host]
	if h == nil || h.Address != from {
		s.refuse(from, "", "enrol-refused", fmt.Sprintf("%s asked to enrol as %.60q, which is not the host of that address", from, r.Host))
		return errRefused
	}
	if err := s.runsAlready(h.Name); err != nil {
		return err
	}
	csr, err := pki.ParseCSR(r.CSR, h.Name)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	if err := s.Journal.Enrol(h.Name, r.Token, csr.Key); err != nil {
		s.refuse(from, h.Name, "enrol-refused", fmt.Sprintf("%s asked to enrol as %s: %v", from, h.Name, err))
		return errRefused
	}
	cert, err := s.Authority.Sign(c.Request().Context(), csr, h.Name)
	if err != nil {
		s.Log.Error("signing a certificate", "host", h.Name, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not signed: try again")
	}
	return c.JSON(http.StatusOK, catalog.EnrolReply{Certificate: string(cert)})
}

// agent says which host's agent asks.
func (s *Server) agent(c echo.Context) (*inventory.Host, error) {
	name, err := s.Authority.HostOf(c.Request().Context(), c.Request().TLS)
	if err != nil {
		s.refuse(peer(c), "", "agent-refused", fmt.Sprintf("%s: %v", peer(c), err))
		return nil, echo.NewHTTPError(http.StatusForbidden, err.Error())
	}
	h := s.Snapshot().Hosts[name]
	if h == nil {
		return nil, echo.NewHTTPError(http.StatusForbidden, name+" is no longer in the inventory")
	}
	return h, s.runsAlready(h.Name)
}

func (s *Server) catalog(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	compiled, err := s.Compile(h)
	if err != nil {
		s.warn(h.Name, "catalog", fmt.Sprintf("the catalog of %s does not compile: %v", h.Name, err))
		return echo.NewHTTPError(http.StatusServiceUnavailable, "the catalog does not compile; the status page says why")
	}
	etag := `"` + compiled.Catalog.Version + `"`
	c.Response().Header().Set("ETag", etag)
	c.Response().Header().Set("Cache-Control", "no-store")
	if c.Request().Header.Get("If-None-Match") == etag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSON(http.StatusOK, compiled.Catalog)
}

func (s *Server) progress(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	var p catalog.Progress
	if err := body(c, &p); err != nil {
		return err
	}
	if in, ok := s.Journal.Install(h.Name); !ok || in.Stage.Rank() >= provision.Converging.Rank() || in.Stage.Ended() {
		return c.NoContent(http.StatusNoContent)
	}
	return s.record(c, h.Name, provision.Event{
		Source: "agent", Kind: "converging", Stage: provision.Converging,
		Message: fmt.Sprintf("the agent has its catalog of %d resources", p.Resources),
	})
}

func (s *Server) report(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	var r catalog.Report
	if err := body(c, &r); err != nil {
		return err
	}
	if !slices.Contains([]string{catalog.OK, catalog.Changed, catalog.Failed}, r.Status) {
		return echo.NewHTTPError(http.StatusBadRequest, "a report's status is ok, changed or failed")
	}
	r.Host = h.Name
	kept, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(kept) <= 512<<10 {
		if _, err := s.Store.Txn(c.Request().Context(), nil, store.Op{Key: reportPrefix + h.Name, Value: kept}); err != nil {
			s.Log.Error("keeping a report", "host", h.Name, "error", err)
			return echo.NewHTTPError(http.StatusServiceUnavailable, "not kept: try again")
		}
	}
	in, ok := s.Journal.Install(h.Name)
	underWay := ok && !in.Stage.Ended()
	if r.Status == catalog.OK && !underWay {
		return c.NoContent(http.StatusNoContent) // nothing changed on a host that serves: no news
	}
	return s.record(c, h.Name, reportEvent(r))
}

// reportEvent says what a report means.
func reportEvent(r catalog.Report) provision.Event {
	count := map[string]int{}
	var failed []string
	for _, x := range r.Results {
		count[x.Status]++
		if x.Status == catalog.Failed && len(failed) < 5 {
			failed = append(failed, x.ID+": "+x.Message)
		}
	}
	took := r.Finished.Sub(r.Started).Round(10e6)
	if r.Status == catalog.Failed {
		if r.Error != "" {
			failed = append(failed, r.Error)
		}
		return provision.Event{
			Source: "agent", Kind: "converge-failed", Level: provision.LevelError,
			Message: fmt.Sprintf("%d of %d resources failed; the agent tries again: %s", count[catalog.Failed], len(r.Results), strings.Join(failed, "; ")),
		}
	}
	return provision.Event{
		Source: "agent", Kind: "converged", Stage: provision.Converged,
		Message: fmt.Sprintf("everything holds: %d resources changed, %d held already, in %s", count[catalog.Changed], count[catalog.OK], took),
	}
}

func (s *Server) record(c echo.Context, host string, e provision.Event) error {
	if err := s.Journal.Agent(host, e); err != nil {
		s.Log.Error("recording an agent's event", "host", host, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not recorded: try again")
	}
	return c.NoContent(http.StatusNoContent)
}

func body(c echo.Context, into any) error {
	b, err := io.ReadAll(io.LimitReader(c.Request().Body, maxAgentBody+1))
	if err != nil || len(b) > maxAgentBody {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "it is larger than what is wanted here")
	}
	if err := json.Unmarshal(b, into); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "no JSON as documented")
	}
	return nil
}
