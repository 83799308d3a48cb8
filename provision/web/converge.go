package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/provision/orders"
)

// ordersWait is how long a request for changes of orders waits for a change.
const ordersWait = 20 * time.Second

func (s *Server) convergeRoutes(e *echo.Echo) {
	e.POST("/api/converge", func(c echo.Context) error {
		var r orders.Request
		if err := hostsBody(c, &r); err != nil {
			return err
		}
		out, err := s.Operator.Converge(c.Request().Context(), r)
		if err != nil {
			return operatorError(err)
		}
		return c.JSON(http.StatusOK, out)
	})
	e.POST("/api/orders", func(c echo.Context) error {
		var r orders.ChangesRequest
		if err := hostsBody(c, &r); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(c.Request().Context(), ordersWait)
		defer cancel()
		changes, rev := s.Orders.Changes(ctx, r.Hosts, r.After)
		return c.JSON(http.StatusOK, orders.ChangesReply{Rev: rev, Orders: changes})
	})
}

// maxHostsBody bounds a request that names hosts, in bytes. It is enough for thousands.
const maxHostsBody = 256 << 10

func hostsBody(c echo.Context, into any) error {
	b, err := io.ReadAll(io.LimitReader(c.Request().Body, maxHostsBody+1))
	if err != nil || len(b) > maxHostsBody {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "the request is larger than 256 KiB, which is the limit")
	}
	if err := json.Unmarshal(b, into); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "the request is not the JSON object that is expected")
	}
	return nil
}
