package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/reports"
)

// drifted records that resources of a host were changed behind the catalog's back; the same
// resources once an hour.
func (s *Server) drifted(host string, r catalog.Report) error {
	var ids, told []string
	for _, x := range r.Results {
		if x.Status == catalog.Changed && x.Cause == catalog.CauseDrift {
			ids = append(ids, x.ID)
			told = append(told, x.ID+": "+x.Message)
		}
	}
	n := reports.Kept{Report: r}.Run().HasDrifted()
	if n == 0 || !s.drifts.Allow(driftKey(host, ids), s.Journal.Counted()) {
		return nil
	}
	if len(told) > 5 {
		told = append(told[:5], "…")
	}
	noun := "resources were"
	if n == 1 {
		noun = "resource was"
	}
	return s.Journal.Agent(host, provision.Event{
		Source: "agent", Kind: "drifted", Level: provision.LevelWarn,
		Message: fmt.Sprintf("%d %s not as converged any more, with no change of the catalog, and had to be brought about again: %s", n, noun, strings.Join(told, "; ")),
	})
}

// driftKey names a host and its resources in few bytes: it is remembered for an hour, and a
// host may report hundreds of KiB of names.
func driftKey(host string, ids []string) string {
	return host + " " + catalog.Sum(strings.Join(ids, "\n"))
}

// reportRoutes answer the operator with reports of agents.
func (s *Server) reportRoutes(e *echo.Echo) {
	e.GET("/api/hosts/:host/report", s.lastReport)
	e.GET("/api/hosts/:host/reports", func(c echo.Context) error {
		all, err := s.reportsOf(c)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, all)
	})
}

// lastReport answers with a host's latest report, or with the one whose number is in
// ?number=.
func (s *Server) lastReport(c echo.Context) error {
	asked := c.QueryParam("number")
	if asked == "" {
		k, err := s.Reports.Last(c.Request().Context(), c.Param("host"))
		if err != nil {
			return s.noReport(c.Param("host"), err)
		}
		return c.JSON(http.StatusOK, k)
	}
	number, err := strconv.ParseUint(asked, 10, 64)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "number must be the number of a report")
	}
	all, err := s.reportsOf(c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k reports.Kept) bool { return k.Number == number })
	if i < 0 {
		return echo.NewHTTPError(http.StatusNotFound, fmt.Sprintf("report %d of %s is not kept: the kept ones are %d to %d", number, c.Param("host"), all[len(all)-1].Number, all[0].Number))
	}
	return c.JSON(http.StatusOK, all[i])
}

// reportsOf returns the stored reports of a host, newest first; at least one.
func (s *Server) reportsOf(c echo.Context) ([]reports.Kept, error) {
	ctx, host := c.Request().Context(), c.Param("host")
	last, err := s.Reports.Last(ctx, host)
	if err != nil {
		return nil, s.noReport(host, err)
	}
	earlier, err := s.Reports.Earlier(ctx, host)
	if err != nil {
		return nil, err
	}
	for i := range earlier {
		earlier[i].Host = host
	}
	return append([]reports.Kept{last}, earlier...), nil
}

func (s *Server) noReport(host string, err error) error {
	if !errors.Is(err, reports.ErrNone) {
		return err
	}
	if s.Snapshot().Hosts[host] == nil {
		return s.noHost(host)
	}
	return echo.NewHTTPError(http.StatusNotFound, "no agent of "+host+" has reported yet")
}
