package bmcapi

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/operate"
)

// scan searches a network for BMCs. The answer is a line of JSON for each, an empty line
// every 5 s, and at its end a line that says so: provision.ScanLine.
func scan(c echo.Context, o *operate.Operator) error {
	r := provision.ScanRequest{Large: c.QueryParam("large") != ""}
	var err error
	if r.Network, err = netip.ParsePrefix(c.QueryParam("network")); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "network: "+err.Error())
	}
	if rate := c.QueryParam("rate"); rate != "" {
		if r.Rate, err = strconv.Atoi(rate); err != nil {
			return echo.NewHTTPError(http.StatusBadRequest, "rate: a number is wanted")
		}
	}
	if err := r.Check(); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	w := c.Response()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	var mu sync.Mutex
	line := func(v any) {
		mu.Lock()
		defer mu.Unlock()
		var text []byte
		if v != nil {
			text, _ = json.Marshal(v)
		}
		_, _ = w.Write(append(text, '\n')) // a reader that has gone ends the request
		w.Flush()
	}
	line(nil)
	done := make(chan struct{})
	var beats sync.WaitGroup
	beats.Go(func() {
		beat := time.NewTicker(5 * time.Second)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				line(nil)
			case <-done:
				return
			}
		}
	})
	err = o.ScanBMCs(c.Request().Context(), r, func(f provision.FoundBMC) { line(provision.ScanLine{Found: &f}) })
	close(done)
	beats.Wait()
	end := provision.ScanLine{End: err == nil}
	if err != nil {
		end.Error = err.Error()
	}
	line(end)
	return nil
}
