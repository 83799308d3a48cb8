package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/web/bmcapi"
)

// API is the handler of the operator's unix socket. Everyone who may open the socket may do
// everything.
func (s *Server) API() http.Handler {
	e := newEcho(s.Log)
	e.Use(s.knownHost)
	s.stateRoutes(e)
	e.POST("/api/hosts/:host/install", func(c echo.Context) error {
		var r provision.InstallRequest
		if err := body(c, &r); err != nil {
			return err
		}
		in, err := s.Operator.Install(c.Request().Context(), c.Param("host"), r)
		if err != nil {
			return operatorError(err)
		}
		return c.JSON(http.StatusOK, in.Public())
	})
	s.jobRoutes(e)
	s.convergeRoutes(e)
	s.reportRoutes(e)
	s.factRoutes(e)
	e.POST("/api/hosts/:host/revoke", s.revokeHost)
	e.POST("/api/hosts/:host/enrol", s.allowEnrolment)
	e.GET("/api/ca", s.caStatus)
	e.POST("/api/ca", s.changeCA)
	s.mirrorRoutes(e)
	e.POST("/api/hosts/:host/cancel", func(c echo.Context) error {
		if err := s.Operator.Cancel(c.Request().Context(), c.Param("host")); err != nil {
			return operatorError(err)
		}
		return c.NoContent(http.StatusNoContent)
	})
	e.POST("/api/hosts/:host/release", s.release)
	e.POST("/api/hosts/:host/power/:action", func(c echo.Context) error {
		seen, err := s.Operator.Power(c.Request().Context(), c.Param("host"), c.Param("action"))
		if err != nil {
			return operatorError(err)
		}
		return c.JSON(http.StatusOK, provision.PowerReply{Seen: seen})
	})
	bmcapi.Routes(e, s.Operator, operatorError)
	e.POST("/api/systems/:system/prefetch", func(c echo.Context) error {
		got, err := s.Operator.Prefetch(c.Request().Context(), c.Param("system"))
		if err != nil {
			return operatorError(err)
		}
		return c.JSON(http.StatusOK, got)
	})
	if s.Page != nil {
		e.Any("/*", echo.WrapHandler(s.Page))
	}
	return Patiently(piecePatience, e)
}

// stateRoutes are the routes that read the state of hosts: status, events, diagnosis, log and
// trace.
func (s *Server) stateRoutes(e *echo.Echo) {
	e.GET("/api/status", func(c echo.Context) error {
		st, err := s.Operator.Status(c.Request().Context())
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, st)
	})
	e.GET("/api/events", s.events)
	if s.Backup != nil {
		e.GET("/api/backup", echo.WrapHandler(s.Backup))
	}
	e.GET("/api/hosts/:host/events", func(c echo.Context) error {
		limit, _ := strconv.Atoi(c.QueryParam("limit"))
		if limit <= 0 || limit > 10000 {
			limit = 10000
		}
		host := c.Param("host")
		if host == "*" {
			host = ""
		}
		events, err := s.Journal.Events(c.Request().Context(), host, limit)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, events)
	})
	e.GET("/api/hosts/:host/why", func(c echo.Context) error {
		r, err := s.Operator.Why(c.Request().Context(), c.Param("host"))
		if err != nil {
			return operatorError(err)
		}
		return c.JSON(http.StatusOK, r)
	})
	e.GET("/api/hosts/:host/log", s.hostLog)
	if s.Traces != nil {
		e.GET("/api/trace/:box", func(c echo.Context) error {
			cards := func() ([]inventory.MAC, error) { return s.Operator.Cards(pathParam(c, "box")) }
			if _, err := cards(); err != nil {
				return operatorError(err)
			}
			return s.Traces.Stream(c.Response(), c.Request(), cards)
		})
	}
}

func operatorError(err error) error {
	switch {
	case errors.Is(err, provision.ErrNoHost):
		return echo.NewHTTPError(http.StatusNotFound, err.Error())
	case errors.Is(err, journal.ErrUnderWay), errors.Is(err, journal.ErrNoArm), errors.Is(err, provision.ErrNotHeld), errors.Is(err, provision.ErrAuditUnderWay):
		return echo.NewHTTPError(http.StatusConflict, err.Error())
	}
	// The operator sees the whole error, which holds no secret.
	return echo.NewHTTPError(http.StatusBadGateway, err.Error())
}

// events streams the journal as JSON lines, from after the number given; an empty
// line now and then shows that the appliance is still there.
func (s *Server) events(c echo.Context) error {
	after, err := strconv.ParseUint(c.QueryParam("after"), 10, 64)
	if err != nil && c.QueryParam("after") != "" {
		return echo.NewHTTPError(http.StatusBadRequest, "after is the number of an event")
	}
	ctx := c.Request().Context()
	events, err := s.Journal.Subscribe(ctx, after)
	if err != nil {
		return err
	}
	w := c.Response()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	w.Flush()
	beat := time.NewTicker(5 * time.Second)
	defer beat.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return nil
			}
			b, err := json.Marshal(e)
			if err != nil {
				return err
			}
			if _, err := w.Write(append(b, '\n')); err != nil {
				return nil // the reader has gone
			}
		case <-beat.C:
			if _, err := io.WriteString(w, "\n"); err != nil {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
		w.Flush()
	}
}

// knownHost refuses the operator's requests about a host that was never heard of, with the
// name that was meant, perhaps. Known are the hosts of the inventory, those that have left it
// and unclaimed boxes, by their MAC.
func (s *Server) knownHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		// A certificate can outlive everything else that is known of its host.
		name := c.Param("host")
		if name == "" || name == "*" || strings.HasSuffix(c.Path(), "/revoke") {
			return next(c)
		}
		if s.Snapshot().Hosts[name] != nil {
			return next(c)
		}
		if _, seen := s.Journal.Hosts()[name]; seen {
			return next(c)
		}
		return s.noHost(name)
	}
}

func (s *Server) noHost(name string) error {
	return echo.NewHTTPError(http.StatusNotFound, provision.NoHost(name, s.Snapshot().HostNames()).Error())
}
