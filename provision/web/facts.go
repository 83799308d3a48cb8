package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/hostfacts"
)

// putFacts keeps what an agent says of its host: of the host of its certificate, whatever the
// body names.
func (s *Server) putFacts(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	if err := s.take(c, s.taken.facts, h.Name, "sets of facts", "limits.reports", s.Limits.Reports); err != nil {
		return err
	}
	body, release, err := s.read(c, h.Name, "set of facts", "", catalog.MaxFacts)
	defer release()
	if err != nil {
		return err
	}
	switch _, err := s.Facts.Put(c.Request().Context(), h.Name, body); {
	case errors.Is(err, hostfacts.ErrInvalid):
		s.factsRefused(h.Name, err)
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	case errors.Is(err, hostfacts.ErrTooOften):
		c.Response().Header().Set("Retry-After", "60")
		return echo.NewHTTPError(http.StatusTooManyRequests, err.Error())
	case err != nil:
		s.Log.Error("keeping facts", "host", h.Name, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not kept: try again")
	}
	return c.NoContent(http.StatusNoContent)
}

// factsRefused records that a host's facts are refused.
func (s *Server) factsRefused(host string, err error) {
	s.factsEvent(host, "facts-refused", "what its agent says of the host is refused, and the facts from before stay: "+err.Error())
}

// factsMissing records that an agent that sends no facts gets a part of its catalog.
func (s *Server) factsMissing(host string, waiting []string) {
	s.factsEvent(host, "facts-missing", fmt.Sprintf("its agent sends no facts, so %d parts of its roles are left out of the catalog; the first: %s. Upgrade the agent", len(waiting), waiting[0]))
}

// factsEvent records an event of a host once an hour.
func (s *Server) factsEvent(host, kind, message string) {
	if !s.taken.over.Allow(host+" "+kind, s.Journal.Counted()) {
		return
	}
	e := provision.Event{Host: host, Source: "agent", Kind: kind, Level: provision.LevelWarn, Message: message}
	if err := s.Journal.Record(e); err != nil {
		s.Log.Error("recording an event", "kind", e.Kind, "error", err)
	}
}

// factRoutes answer the operator with facts: of a host, or of all hosts by name.
func (s *Server) factRoutes(e *echo.Echo) {
	e.GET("/api/hosts/:host/facts", func(c echo.Context) error {
		host := c.Param("host")
		k, err := s.Facts.Get(c.Request().Context(), host)
		switch {
		case errors.Is(err, hostfacts.ErrNone) && s.Snapshot().Hosts[host] == nil:
			return s.noHost(host)
		case errors.Is(err, hostfacts.ErrNone):
			return echo.NewHTTPError(http.StatusNotFound, "no agent of "+host+" has sent facts yet")
		case err != nil:
			return err
		}
		shown, err := s.maskFacts(host, k.Facts)
		if err != nil {
			return err
		}
		if k.Facts, err = json.Marshal(shown); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, k)
	})
	e.GET("/api/facts", func(c echo.Context) error {
		all, err := s.Facts.All(c.Request().Context())
		if err != nil {
			return err
		}
		shown := make(map[string]any, len(all))
		for host, facts := range all {
			if shown[host], err = s.maskFacts(host, facts); err != nil {
				return err
			}
		}
		return c.JSON(http.StatusOK, shown)
	})
}

// FactsOf returns the facts of a host with its secrets masked; nil for none.
func (s *Server) FactsOf(ctx context.Context, host string) (map[string]any, error) {
	k, err := s.Facts.Get(ctx, host)
	if errors.Is(err, hostfacts.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.maskFacts(host, k.Facts)
}

// maskFacts masks the secrets of a host in its facts.
func (s *Server) maskFacts(host string, raw json.RawMessage) (map[string]any, error) {
	facts, err := catalog.DecodeFacts(raw)
	if err != nil {
		return nil, fmt.Errorf("the facts of %s: %w", host, err)
	}
	shown, _ := masked(facts, s.Masked(host)).(map[string]any)
	return shown, nil
}

// masked masks the texts in a value of JSON, its names too.
func masked(v any, hide func(string) string) any {
	switch v := v.(type) {
	case string:
		return hide(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = masked(item, hide)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[hide(key)] = masked(item, hide)
		}
		return out
	}
	return v
}
