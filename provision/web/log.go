package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/provision/installlog"
)

// LogInstall is the header that names the install whose log an answer is.
const LogInstall = "Rackhand-Install"

// hostLog answers with the log of a host's latest install, or of the one that ?install=
// names. With ?follow=1 it sends lines as the log grows, until the install ends or the client
// disconnects.
func (s *Server) hostLog(c echo.Context) error {
	host, id := c.Param("host"), c.QueryParam("install")
	if s.Logs == nil {
		return echo.NewHTTPError(http.StatusNotFound, "no logs are kept")
	}
	follow := c.QueryParam("follow") == "1"
	if id == "" {
		id = s.Logs.Latest(host)
		if in, ok := s.Journal.Install(host); ok && (s.Logs.Has(in.ID) || follow && !in.Stage.Ended()) {
			id = in.ID
		}
	}
	if id == "" || !installlog.Of(host, id) {
		return echo.NewHTTPError(http.StatusNotFound, "no install of "+host+" has a log")
	}
	f, err := s.Logs.Open(id)
	if errors.Is(err, installlog.ErrNoLog) && !(follow && s.underWay(host, id)) {
		return echo.NewHTTPError(http.StatusNotFound, err.Error())
	}
	if err != nil && !errors.Is(err, installlog.ErrNoLog) {
		return err
	}
	w := c.Response()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set(LogInstall, id)
	w.WriteHeader(http.StatusOK)
	if f == nil {
		w.Flush()
		if f = s.awaitLog(c.Request().Context(), host, id); f == nil {
			return nil
		}
	}
	defer f.Close()
	if err := s.copyLog(c.Request().Context(), w, f, func() bool { return follow && s.underWay(host, id) }); err != nil {
		s.Log.Debug("sending a log", "error", err)
	}
	return nil
}

// underWay reports whether an install is the host's latest one and has not ended.
func (s *Server) underWay(host, id string) bool {
	in, ok := s.Journal.Install(host)
	return ok && in.ID == id && !in.Stage.Ended()
}

// logBeat is how often a followed log is checked for new lines.
const logBeat = 300 * time.Millisecond

// awaitLog waits for an install's first line.
func (s *Server) awaitLog(ctx context.Context, host, id string) *os.File {
	for s.underWay(host, id) && pause(ctx, logBeat) {
		if f, err := s.Logs.Open(id); err == nil {
			return f
		}
	}
	return nil
}

// copyLog sends a log, and the lines that are added to it while more returns true.
func (s *Server) copyLog(ctx context.Context, w *echo.Response, f io.Reader, more func() bool) error {
	for {
		goesOn := more() // before reading: what came last is sent too
		if n, err := io.Copy(w, f); err != nil {
			return err
		} else if n > 0 {
			w.Flush()
		}
		if !goesOn || !pause(ctx, logBeat) {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
