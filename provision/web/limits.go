package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/intake"
	"rackhand/provision/limit"
)

// maxKept bounds a stored report, in bytes. A larger one is shortened.
const maxKept = 512 << 10

// taken limits what hosts may send, by number and by size.
type taken struct {
	reports, progress, enrolments, versions, jobReports, events, facts *intake.Rates

	bodies *intake.Bodies
	over   *limit.Limiter // hosts that were refused for sending too much
}

func newTaken(clock func() time.Time, l config.Limits) taken {
	hourly := func(n int) *intake.Rates { return intake.NewRates(clock, n) }
	return taken{
		reports: hourly(l.Reports), progress: hourly(l.Reports), enrolments: hourly(l.Reports), versions: hourly(l.Reports), jobReports: hourly(l.Reports), facts: hourly(l.Reports),
		events: hourly(l.Events), bodies: intake.NewBodies(), over: &limit.Limiter{Every: time.Hour},
	}
}

// take counts one request of a host. Its error is a 429 with Retry-After.
func (s *Server) take(c echo.Context, r *intake.Rates, host, what, setting string, most int) error {
	if wait, ok := r.Take(host); !ok {
		return s.tooOften(c, wait, host, what, setting, most)
	}
	return nil
}

func (s *Server) tooOften(c echo.Context, wait time.Duration, host, what, setting string, most int) error {
	s.tooMuch(host, fmt.Sprintf("it has sent more than %d %s within an hour: those beyond are refused; `%s` in rackhand.yaml is the limit", most, what, setting))
	c.Response().Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	return echo.NewHTTPError(http.StatusTooManyRequests, fmt.Sprintf("at most %d %s within an hour are taken", most, what))
}

// read reads a request's body, at most limit bytes. Its error is 413, or 503 when too many
// bodies are being read. The caller calls release once it has stored the body.
func (s *Server) read(c echo.Context, host, what, setting string, limit int64) (body []byte, release func(), err error) {
	body, release, err = s.taken.bodies.Read(c.Request().Context(), host, limit, c.Request().Body, func(t time.Time) error {
		err := http.NewResponseController(c.Response().Writer).SetReadDeadline(t)
		if errors.Is(err, http.ErrNotSupported) {
			return nil // a test's
		}
		return err
	})
	switch {
	case errors.Is(err, intake.ErrTooLarge):
		s.tooMuch(host, fmt.Sprintf("it has sent a %s of more than %d KiB, which is refused%s", what, limit>>10, setting))
		err = echo.NewHTTPError(http.StatusRequestEntityTooLarge, fmt.Sprintf("a %s of at most %d KiB is wanted", what, limit>>10))
	case errors.Is(err, intake.ErrBusy):
		err = echo.NewHTTPError(http.StatusServiceUnavailable, "too many large reports at once: try again")
	case err != nil:
		err = echo.NewHTTPError(http.StatusBadRequest, "the body broke off")
	}
	return body, release, err
}

// tooMuch records that a host's requests are refused for their size or number, once an hour
// for each message.
func (s *Server) tooMuch(host, message string) {
	if !s.taken.over.Allow(host+" "+message, s.Journal.Counted()) {
		return
	}
	e := provision.Event{Host: host, Source: "appliance", Kind: "over-limit", Level: provision.LevelWarn, Message: message}
	if err := s.Journal.Record(e); err != nil {
		s.Log.Error("recording an event", "kind", e.Kind, "error", err)
	}
}
