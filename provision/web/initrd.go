package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
)

const (
	// initrdPatience is how long the answers to Anaconda's initrd may say "ask again". Its
	// curl tries four times (dracut's url-lib.sh: --retry 3) and gives up after about 9 s in
	// any case.
	initrdPatience = 8 * time.Second
	// seriesEnds is the time after its last answer at which a series ends: by then the box
	// has restarted.
	seriesEnds = 30 * time.Second
	// maxSeries bounds the number of remembered boxes. Only hosts in an install count.
	maxSeries = 4096
)

// retries are the hosts whose boxes currently get the answer to ask again.
type retries struct {
	mu   sync.Mutex
	open map[string]retrySeries
}

// A retrySeries is a series of answers that tell one box to ask again.
type retrySeries struct{ began, last time.Time }

// next returns the series after one more such answer, and whether that answer is allowed:
// none is later than initrdPatience after the first one. A clock that was set back begins a
// new series.
func (r retrySeries) next(now time.Time) (retrySeries, bool) {
	if r.began.IsZero() || now.Before(r.last) || now.Sub(r.last) >= seriesEnds {
		r.began = now
	}
	r.last = now
	return r, now.Sub(r.began) <= initrdPatience
}

// again reports whether a host's initrd may get the answer to ask again once more.
func (r *retries) again(host string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, may := r.open[host].next(now)
	if r.open == nil || len(r.open) >= maxSeries {
		r.open = make(map[string]retrySeries)
	}
	r.open[host] = next
	return may
}

// end ends a host's series: it has what it asked for.
func (r *retries) end(host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, host)
}

// initrdAt returns the name of the host at an address while it runs Anaconda's initrd: from
// its kernel until its installer reports.
func (s *Server) initrdAt(ctx context.Context, addr netip.Addr) string {
	name := s.hostAt(ctx, addr)
	if in, ok := s.Journal.Install(name); name == "" || !ok || in.Stage != provision.Kernel || !s.anaconda(name) {
		return ""
	}
	return name
}

func (s *Server) anaconda(host string) bool {
	snap := s.Snapshot()
	if snap == nil {
		return false
	}
	h := snap.Hosts[host]
	return h != nil && h.System != nil && h.System.Installer == inventory.InstallerAnaconda
}

// decisive turns a 503 into a 404 if the initrd would give up before it could ask again.
// Then the box restarts at once, as another attempt.
func (s *Server) decisive(err error, c echo.Context) error {
	he := (*echo.HTTPError)(nil)
	if !errors.As(err, &he) || he.Code != http.StatusServiceUnavailable {
		return err
	}
	host := ""
	switch c.Path() {
	case "/i/:token/ks": // only an initrd asks for it
		if in, ok := s.Journal.ByToken(c.Param("token")); ok && s.anaconda(in.Host) {
			host = in.Host
		}
	case "/media/:media/*":
		host = s.initrdAt(c.Request().Context(), peer(c))
	}
	if host == "" || s.retries.again(host, s.Clock()) {
		return err
	}
	s.gaveUp(host)
	return echo.NewHTTPError(http.StatusNotFound, fmt.Sprintf("not ready for %s: %v", initrdPatience, he.Message))
}

func (s *Server) gaveUp(host string) {
	s.warn(host, "initrd-refused", fmt.Sprintf("the file that the installer of %s asks for was not ready within %s, after which its initrd gives up: the box restarts and begins another attempt", host, initrdPatience))
}

// A decisiveWriter does the same as decisive for the mirror, whose handler is not echo's.
type decisiveWriter struct {
	http.ResponseWriter
	again func() bool
	end   func()
}

func (w decisiveWriter) WriteHeader(status int) {
	if status == http.StatusServiceUnavailable && !w.again() {
		w.Header().Del("Retry-After")
		status = http.StatusNotFound
	}
	if status < http.StatusBadRequest {
		w.end()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w decisiveWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// forInitrd wraps the writer of the mirror's answer to a box that runs its initrd.
func (s *Server) forInitrd(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/mirror/") {
		return w
	}
	host := s.initrdAt(r.Context(), from.Addr().Unmap())
	if host == "" {
		return w
	}
	return decisiveWriter{w, func() bool {
		may := s.retries.again(host, s.Clock())
		if !may {
			s.gaveUp(host)
		}
		return may
	}, func() { s.retries.end(host) }}
}
