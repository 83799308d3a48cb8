package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/catalog"
)

// waitForOrder answers an agent that waits for orders. It sends an empty line at once and
// every catalog.OrderBeat, and the order once there is one.
func (s *Server) waitForOrder(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	// The server's own deadline for a request would end the wait.
	deadline := time.Now().Add(catalog.OrderWait + time.Minute)
	if err := http.NewResponseController(c.Response().Writer).SetReadDeadline(deadline); err != nil {
		s.Log.Debug("the deadline of a wait for orders", "error", err)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), catalog.OrderWait)
	defer cancel()
	type result struct {
		order *catalog.Order
		err   error
	}
	found := make(chan result, 1)
	go func() {
		o, err := s.Orders.Wait(ctx, h.Name, c.QueryParam("last"))
		found <- result{o, err}
	}()
	w := c.Response()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	line := func(b []byte) {
		if _, err := w.Write(append(b, '\n')); err != nil {
			cancel()
			return // the agent has gone
		}
		w.Flush()
	}
	beat := time.NewTicker(catalog.OrderBeat)
	defer beat.Stop()
	line(nil)
	for {
		select {
		case <-beat.C:
			line(nil)
		case r := <-found:
			if r.err != nil {
				s.Log.Error("an agent's order", "host", h.Name, "error", r.err)
			}
			if r.order == nil {
				return nil
			}
			b, err := json.Marshal(r.order)
			if err != nil {
				return err
			}
			line(b)
			return nil
		}
	}
}

// noRun handles a report that describes no run: the agent is disabled, or made a dry run.
// Such a report doesn't replace the host's latest one. done: the request is answered.
func (s *Server) noRun(c echo.Context, h *inventory.Host, r catalog.Report) (done bool, err error) {
	if len(r.Tags) > 0 && r.Disabled == nil && !r.Noop {
		return true, s.taggedRun(c, h, r)
	}
	if r.Disabled == nil && !r.Noop {
		return false, nil
	}
	if r.Disabled != nil && !r.Noop {
		state := s.Journal.Hosts()[h.Name].Agent
		state.Disabled, state.Silent = nil, false // the agent was enabled, and its next run is to come
		if r.Disabled.Left > 0 {
			state.Disabled = provision.NewDisabled(s.Clock(), *r.Disabled)
		}
		if err := s.Journal.AgentIs(h.Name, state); err != nil {
			return true, s.unrecorded(h.Name, err)
		}
	}
	if err := s.answerOrder(c.Request().Context(), h.Name, r); err != nil {
		return true, err
	}
	if r.Noop && r.Order != "" {
		return true, s.record(c, h.Name, dryRunEvent(r))
	}
	return true, c.NoContent(http.StatusNoContent)
}

// taggedRun takes in a run that was limited by tags. It says nothing of the rest of the host,
// so it replaces no report; one that changed or failed is an event.
func (s *Server) taggedRun(c echo.Context, h *inventory.Host, r catalog.Report) error {
	if r.Status == catalog.OK {
		return c.NoContent(http.StatusNoContent)
	}
	return s.record(c, h.Name, taggedEvent(r))
}

func taggedEvent(r catalog.Report) provision.Event {
	count := r.Count()
	e := provision.Event{Source: "agent", Kind: "tagged-run", Message: fmt.Sprintf(
		"a run of the tags %s: %d of %d resources changed", strings.Join(r.Tags, ", "), count.Changed, count.Resources())}
	if failed := count.Failed + count.Skipped; r.Error != "" || failed > 0 {
		e.Level = provision.LevelWarn
		e.Message += fmt.Sprintf(", %d failed", failed)
		if r.Error != "" {
			e.Message += ": " + r.Error
		}
	}
	return e
}

// answerOrder records the outcome of an order.
func (s *Server) answerOrder(ctx context.Context, host string, r catalog.Report) error {
	if r.Order == "" {
		return nil
	}
	if err := s.Orders.Answer(ctx, host, r); err != nil {
		s.Log.Error("keeping the outcome of an order", "host", host, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not kept: try again")
	}
	return nil
}

func dryRunEvent(r catalog.Report) provision.Event {
	count := map[string]int{}
	for _, x := range r.Results {
		count[x.Status]++
	}
	e := provision.Event{Source: "agent", Kind: "dry-run", Message: fmt.Sprintf(
		"a dry run: %d of %d resources would be changed, %d would fail, %d can't be told; nothing was changed",
		count[catalog.Changed], len(r.Results), count[catalog.Failed]+count[catalog.Skipped], count[catalog.Unknown])}
	if r.Error != "" {
		e.Level, e.Message = provision.LevelWarn, "a dry run failed: "+r.Error
	}
	return e
}
