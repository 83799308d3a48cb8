package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/store"
)

const (
	// jobReportPrefix begins the key of a job's result, jobreport/ID: the JSON that its box sent.
	jobReportPrefix = "jobreport/"
	// maxJobReport bounds it, in bytes: a box of 60 disks sends 1 KiB for each.
	maxJobReport = 256 << 10
)

// A jobOrder is the answer to GET /i/TOKEN/job, which tells a box its job.
type jobOrder struct {
	ID   string        `json:"id"`
	Host string        `json:"host"`
	Job  provision.Job `json:"job"`
	provision.Order
}

// order sends a box its job, until the box has reported that it has begun.
func (s *Server) order(c echo.Context) error {
	in, h, err := s.holder(c)
	if err != nil {
		return err
	}
	if err := s.proved(c.Request().Context(), h, peer(c), "the order of its job"); err != nil {
		return refusal(err)
	}
	if in.Job == provision.NoJob || in.TokenSpent || !in.Armed {
		s.refuse(peer(c), in.Host, "token-refused", fmt.Sprintf("%s asked for the job of %s, which has none or has begun", peer(c), in.Host))
		return errRefused
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, jobOrder{ID: in.ID, Host: in.Host, Job: in.Job, Order: in.Order})
}

// alive answers 204 while a box's job is wanted, and 403 once it was cancelled.
func (s *Server) alive(c echo.Context) error {
	in, _, err := s.holder(c)
	if err == nil && in.Job == provision.NoJob {
		err = errRefused
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// jobReport stores the results of a running job.
func (s *Server) jobReport(c echo.Context) error {
	in, _, err := s.holder(c)
	if err != nil {
		return err
	}
	if in.Job == provision.NoJob || in.Stage != provision.Installer {
		return errRefused
	}
	if err := s.take(c, s.taken.jobReports, in.Host, "reports of jobs", "limits.reports", s.Limits.Reports); err != nil {
		return err
	}
	body, release, err := s.read(c, in.Host, "report of a job", "", maxJobReport)
	defer release()
	if err != nil {
		return err
	}
	var object map[string]any
	numbers := json.NewDecoder(bytes.NewReader(body))
	numbers.UseNumber() // as they were written
	if err := numbers.Decode(&object); err != nil || object == nil || numbers.More() {
		return echo.NewHTTPError(http.StatusBadRequest, "the report is not a JSON object")
	}
	if body, err = json.Marshal(hideInJSON(object, s.Masked(in.Host))); err != nil {
		return err
	}
	if _, err := s.Store.Txn(c.Request().Context(), nil, store.Op{Key: jobReportPrefix + in.ID, Value: body}); err != nil {
		s.Log.Error("keeping a job's report", "host", in.Host, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not kept: try again")
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) jobRoutes(e *echo.Echo) {
	e.POST("/api/hosts/:host/job", func(c echo.Context) error {
		var r provision.JobRequest
		if err := body(c, &r); err != nil {
			return err
		}
		in, err := s.Operator.Job(c.Request().Context(), c.Param("host"), r)
		switch {
		case errors.Is(err, provision.ErrServes), errors.Is(err, provision.ErrInvalidRequest):
			return echo.NewHTTPError(http.StatusConflict, err.Error())
		case err != nil:
			return operatorError(err)
		}
		return c.JSON(http.StatusOK, in.Public())
	})
	e.GET("/api/hosts/:host/job", func(c echo.Context) error {
		in, ok := s.Journal.Job(c.Param("host"))
		if !ok {
			return echo.NewHTTPError(http.StatusNotFound, "that host never had a rescue, a wipe or a burn-in")
		}
		reply := provision.JobReply{Job: s.Journal.Shown(in).Public()}
		switch r, err := s.Store.Get(c.Request().Context(), jobReportPrefix+in.ID); {
		case err == nil:
			reply.Report = r.Value
		case !errors.Is(err, store.ErrNotFound):
			return fmt.Errorf("the report of %s: %w", in.ID, err)
		}
		return c.JSON(http.StatusOK, reply)
	})
}
