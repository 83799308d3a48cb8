package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/orders"
)

// A ConvergeRequest is what `rackhand converge` posts.
type ConvergeRequest struct {
	Hosts        []string `json:"hosts"`
	Noop         bool     `json:"noop,omitempty"`
	IgnoreWindow bool     `json:"ignore_window,omitempty"`
}

// An Ordered says what became of a ConvergeRequest at one host.
type Ordered struct {
	Host  string        `json:"host"`
	Order *orders.Order `json:"order,omitempty"` // nil: it was not ordered
	// Joined: the same was ordered before, and is under way.
	Joined bool `json:"joined,omitempty"`
	// Connected: the host's agent waits for orders, and has it at once.
	Connected bool `json:"connected,omitempty"`
	// Refused is why it was not ordered.
	Refused string `json:"refused,omitempty"`
}

// An OrdersRequest asks for the orders of hosts that have changed after a revision.
type OrdersRequest struct {
	Hosts []string `json:"hosts"`
	After uint64   `json:"after"`
}

// An OrdersReply is the answer, once something has changed or some time has passed.
type OrdersReply struct {
	Rev    uint64         `json:"rev"`
	Orders []orders.Order `json:"orders"`
}

const (
	// usualInterval is the time between two runs of an agent that doesn't tell it.
	usualInterval = 30 * time.Minute
	// ordersWait is how long an answer to an OrdersRequest waits for a change.
	ordersWait = 20 * time.Second
)

func (s *Server) convergeRoutes(e *echo.Echo) {
	e.POST("/api/converge", func(c echo.Context) error {
		var r ConvergeRequest
		if err := hostsBody(c, &r); err != nil {
			return err
		}
		out := make([]Ordered, 0, len(r.Hosts))
		for _, host := range r.Hosts {
			o, err := s.converge(c.Request().Context(), host, catalog.Order{Noop: r.Noop, IgnoreWindow: r.IgnoreWindow})
			if err != nil {
				return err
			}
			out = append(out, o)
		}
		return c.JSON(http.StatusOK, out)
	})
	e.POST("/api/orders", func(c echo.Context) error {
		var r OrdersRequest
		if err := hostsBody(c, &r); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(c.Request().Context(), ordersWait)
		defer cancel()
		changes, rev := s.Orders.Changes(ctx, r.Hosts, r.After)
		return c.JSON(http.StatusOK, OrdersReply{Rev: rev, Orders: changes})
	})
}

// maxHostsBody bounds what is read of a request that names hosts, in bytes: thousands.
const maxHostsBody = 256 << 10

func hostsBody(c echo.Context, into any) error {
	b, err := io.ReadAll(io.LimitReader(c.Request().Body, maxHostsBody+1))
	if err != nil || len(b) > maxHostsBody {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "at most 256 KiB are wanted")
	}
	if err := json.Unmarshal(b, into); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "no JSON as documented")
	}
	return nil
}

// converge orders a run of one host. What speaks against it is told in the answer.
func (s *Server) converge(ctx context.Context, host string, o catalog.Order) (Ordered, error) {
	out := Ordered{Host: host, Connected: s.Orders.Connected(host)}
	now := s.Clock()
	disabled := s.Journal.Hosts()[host].Agent.Disabled
	switch {
	case s.Snapshot().Hosts[host] == nil:
		out.Refused = "it is not in the inventory"
		return out, nil
	case disabled != nil && now.Before(disabled.Until) && !o.Noop:
		out.Refused = "its agent is disabled until " + disabled.Until.Local().Format("Mon 2 Jan 15:04") + " because " + disabled.Reason
		return out, nil
	}
	order, joined, err := s.Orders.Place(ctx, host, o)
	switch {
	case errors.Is(err, orders.ErrNeverAsks):
		out.Refused = err.Error() + ": it is older than orders, or not enrolled; " + s.nextRun(ctx, host)
		return out, nil
	case errors.Is(err, orders.ErrUnderWay):
		out.Refused = err.Error()
		return out, nil
	case err != nil:
		return out, err
	}
	out.Order, out.Joined = &order, joined
	if joined {
		return out, nil
	}
	return out, s.Journal.Record(provision.Event{Host: host, Source: "operator", Kind: "converge-ordered", Message: "the operator has ordered " + o.Text() + " of the agent"})
}

// nextRun says when a host's agent makes its next run, as far as its latest report tells.
func (s *Server) nextRun(ctx context.Context, host string) string {
	kept, err := s.Store.Get(ctx, reportPrefix+host)
	var r catalog.Report
	if err == nil {
		err = json.Unmarshal(kept.Value, &r)
	}
	if err != nil || r.Finished.IsZero() {
		return "it has not reported yet"
	}
	interval := usualInterval
	if r.Interval > 0 {
		interval = time.Duration(r.Interval) * time.Second
	}
	next := r.Finished.Add(interval - time.Duration(r.ClockAhead*float64(time.Second)))
	if late := s.Clock().Sub(next); late > 0 {
		return fmt.Sprintf("its next run was due at %s", next.Local().Format("15:04"))
	}
	return fmt.Sprintf("its next run is due at about %s", next.Local().Format("15:04"))
}
