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
	// initrdPatience is for how long in a row the initrd of Anaconda's is told to ask
	// again. Its curl tries four times (dracut's url-lib.sh: --retry 3) and has given up
	// after about 9 s, whatever it is told then.
	initrdPatience = 8 * time.Second
	// seriesEnds is how long after its last answer a series has ended: the box has
	// started again.
	seriesEnds = 30 * time.Second
	// maxSeries bounds how many boxes are remembered; only hosts in an install are.
	maxSeries = 4096
)

// retries are the hosts whose boxes are told to ask again at the moment.
type retries struct {
	mu   sync.Mutex
	open map[string]retrySeries
}

// A retrySeries is a series of answers that tell one box to ask again.
type retrySeries struct{ began, last time.Time }

// next is the series after one more such answer at a time, and whether that may be given:
// no answer is given later than initrdPatience after the first one. A clock that was set
// back begins a new series.
func (r retrySeries) next(now time.Time) (retrySeries, bool) {
	if r.began.IsZero() || now.Before(r.last) || now.Sub(r.last) >= seriesEnds {
		r.began = now
	}
	r.last = now
	return r, now.Sub(r.began) <= initrdPatience
}

// again reports whether a host's initrd may be told once more to ask again.
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

// initrdAt names the host at an address while it is in the initrd of Anaconda's: from
// its kernel on until its installer speaks.
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

// decisive makes an answer that would tell an initrd to ask again, though that has given
// up by then, a decisive one: the box starts anew at once, as another attempt.
func (s *Server) decisive(err error, c echo.Context) error {
	he := (*echo.HTTPError)(nil)
	if !errors.As(err, &he) || he.Code != http.StatusServiceUnavailable {
		return err
	}
	host := ""
	switch c.Path() {
	case "/i/:token/ks": // nothing but an initrd asks for it
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

// A decisiveWriter is decisive for a handler that is not echo's: the mirror.
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

// forInitrd wraps the writer of what a mirror answers to a box that is in its initrd.
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
