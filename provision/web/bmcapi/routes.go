// Package bmcapi has the routes of the operator's socket that read, set and audit BMCs.
package bmcapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/operate"
)

// maxRequest bounds a request, in bytes.
const maxRequest = 16 << 10

// Routes adds the routes below /api/hosts/:host/bmc. fail turns an operator's error into that
// of an answer.
func Routes(e *echo.Echo, o *operate.Operator, fail func(error) error) {
	a := api{fail}
	at := "/api/hosts/:host/bmc"
	e.GET(at, a.answer(func(ctx context.Context, c echo.Context) (any, error) { return o.BMCOverview(ctx, c.Param("host")) }))
	for _, p := range []bmc.ReportPart{bmc.PartInfo, bmc.PartSensors, bmc.PartNetwork, bmc.PartUsers, bmc.PartBoot} {
		e.GET(at+"/"+string(p), a.answer(func(ctx context.Context, c echo.Context) (any, error) { return o.BMCRead(ctx, c.Param("host"), 0, p) }))
	}
	e.GET(at+"/log", a.answer(func(ctx context.Context, c echo.Context) (any, error) {
		most, err := strconv.Atoi(c.QueryParam("most"))
		if err != nil || most < 1 || most > operate.MostEntries {
			most = operate.MostEntries
		}
		return o.BMCRead(ctx, c.Param("host"), most, bmc.PartLog)
	}))
	e.GET(at+"/quirks", a.answer(func(ctx context.Context, c echo.Context) (any, error) { return o.BMCQuirks(ctx, c.Param("host")) }))
	e.DELETE(at+"/log", a.answer(func(ctx context.Context, c echo.Context) (any, error) {
		return struct{}{}, o.BMCClearLog(ctx, c.Param("host"))
	}))
	e.POST(at+"/nmi", a.answer(func(ctx context.Context, c echo.Context) (any, error) {
		return struct{}{}, o.BMCInterrupt(ctx, c.Param("host"))
	}))
	post(e, a, at+"/identify", func(ctx context.Context, host string, r bmc.IdentifyRequest) (struct{}, error) {
		return struct{}{}, o.BMCIdentify(ctx, host, r.On)
	})
	post(e, a, at+"/boot", func(ctx context.Context, host string, r bmc.BootRequest) (*bmc.Override, error) {
		seen, err := o.BMCSetBoot(ctx, host, r)
		return bmc.OverrideOf(seen), err
	})
	post(e, a, at+"/soft-off", o.BMCSoftOff)
	post(e, a, at+"/network", o.BMCSetNetwork)
	post(e, a, at+"/users", o.BMCSetUser)
	consoleRoutes(e, a, o)
	e.GET("/api/bmc/scan", func(c echo.Context) error { return scan(c, o) })
	post(e, a, "/api/bmc/audit", func(ctx context.Context, _ string, r provision.AuditRequest) (provision.Audit, error) {
		return o.Audit(ctx, r)
	})
}

type api struct{ fail func(error) error }

// answer sends a result as JSON, or an error.
func (a api) answer(f func(context.Context, echo.Context) (any, error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		result, err := f(c.Request().Context(), c)
		if err != nil {
			return a.failed(err)
		}
		return c.JSON(http.StatusOK, result)
	}
}

// failed is the answer to a request that failed.
func (a api) failed(err error) error {
	if errors.Is(err, bmc.ErrNoBMC) || errors.Is(err, bmc.ErrRequest) {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	return a.fail(err)
}

// post adds a route that takes a request as JSON.
func post[Request, Reply any](e *echo.Echo, a api, path string, f func(ctx context.Context, host string, r Request) (Reply, error)) {
	e.POST(path, a.answer(func(ctx context.Context, c echo.Context) (any, error) {
		var r Request
		b, err := io.ReadAll(io.LimitReader(c.Request().Body, maxRequest+1))
		if err != nil {
			return nil, err
		}
		// An error of the decoder may hold a piece of the request, and so of a password.
		if len(b) > maxRequest || json.Unmarshal(b, &r) != nil {
			return nil, echo.NewHTTPError(http.StatusBadRequest, "the request is not the JSON object that is expected")
		}
		return f(ctx, c.Param("host"), r)
	}))
}
