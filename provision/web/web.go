// Package web is what the appliance answers over HTTP: boot files, answer files
// and installers' events on port 80; agents on 8443; the operator on a unix
// socket. echo routes, behind our own http.Server.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles"
	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/installlog"
	"rackhand/provision/journal"
	"rackhand/provision/pki"
	"rackhand/provision/store"
	"rackhand/templates"
)

// Options is what the routes work with.
type Options struct {
	Journal   *journal.Journal
	Store     store.Store // reports are kept under report/
	Authority *pki.Authority
	Snapshot  func() *inventory.Snapshot
	// Leased returns the address that a MAC holds a lease of.
	Leased func(ctx context.Context, mac inventory.MAC) (netip.Addr, bool)
	// Leaseholder is the other way round: the MAC that holds the lease of an address.
	Leaseholder func(ctx context.Context, addr netip.Addr) (inventory.MAC, bool)
	// JustLeased reports whether a MAC has, or was heard to ask another server for, its
	// address in this boot as far as can be told; nil: always.
	JustLeased func(ctx context.Context, mac inventory.MAC) bool
	// Decide says what a box that boots gets; it has armed what it decided to arm.
	Decide    func(ctx context.Context, r boot.Request) (boot.Decision, error)
	Compile   func(host *inventory.Host) (*role.Compiled, error)
	Operator  Operator
	Templates *templates.Set
	Secret    func(name string) (string, error)
	Files     *bootfiles.Files
	Images    string            // folder
	Media     *media.Store      // Anaconda's; nil: none
	Logs      *installlog.Store // what installers log; nil: none
	Mirror    http.Handler
	Mirrors   []string // names
	Page      http.Handler
	Appliance templates.Appliance
	// At is how the appliance is reached by who came to our address local, where it
	// has several; nil: as Appliance says.
	At     func(local netip.Addr) templates.Appliance
	Random io.Reader
	Clock  func() time.Time
	Log    *slog.Logger
}

// An Operator carries out what the operator asks for.
type Operator interface {
	// Install arms a host and, when power is set and it has a BMC, boots it.
	Install(ctx context.Context, host string, wipe, power bool) (provision.Install, error)
	// Job arms a rescue, wipe or burn-in, and boots the host as Install does.
	Job(ctx context.Context, host string, r JobRequest) (provision.Install, error)
	Cancel(ctx context.Context, host string) error
	// Power does on, off, cycle, reset or status and says what was seen.
	Power(ctx context.Context, host, action string) (string, error)
	Status(ctx context.Context) (Status, error)
	// Prefetch fills the mirror cache for the hosts of a system.
	Prefetch(ctx context.Context, system string) (Prefetched, error)
	// MirrorList lists what the mirror cache keeps at a place: NAME/PATH, a folder with a
	// slash at its end, or "" for everything.
	MirrorList(ctx context.Context, at string) ([]MirrorFile, error)
	// MirrorForget removes what the mirror cache keeps at a place; the error wraps
	// ErrNotKept when that is nothing.
	MirrorForget(ctx context.Context, at string) (MirrorForgotten, error)
}

// A Prefetched says what was fetched ahead for the hosts of a system.
type Prefetched struct {
	Hosts    int      `json:"hosts"`
	Named    []string `json:"named"`    // the packages that their Kickstarts and roles name
	Packages int      `json:"packages"` // these and what they depend on, beyond the image's
	Fetched  int      `json:"fetched"`  // files that weren't in the cache
	Bytes    int64    `json:"bytes"`    // and their size
	Missing  []string `json:"missing,omitempty"`
}

// A Status is the whole picture: what a page and `rackhand status` show.
type Status struct {
	Hosts    []provision.HostStatus `json:"hosts"`
	Problems []string               `json:"problems,omitempty"` // of the inventory and of links, as text laid out already
	Seq      uint64                 `json:"seq"`                // of the latest event
}

// A Server holds the routes.
type Server struct {
	Options
	quiet   *provision.Quiet
	fetched *provision.Quiet // fetches that have left an event
	handed  handed
	answers answers
	secrets secrets
	rows    rows
	slipped map[string]time.Time // of SweepCertificates alone: since when, in counted time
}

// New makes the routes.
func New(o Options) *Server {
	return &Server{Options: o, quiet: &provision.Quiet{}, fetched: &provision.Quiet{Every: fetchQuiet}}
}

func newEcho(log *slog.Logger) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	// Without this, echo believes X-Forwarded-For, and an address is what tokens
	// are bound to.
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		code, text := http.StatusInternalServerError, "internal error"
		if he := (*echo.HTTPError)(nil); errors.As(err, &he) {
			code = he.Code
			if s, ok := he.Message.(string); ok {
				text = s
			}
		} else {
			// Not the path: it may hold a token.
			log.Error("answering a request", "error", err, "route", c.Path())
		}
		if code == http.StatusServiceUnavailable {
			c.Response().Header().Set("Retry-After", "3")
		}
		if err := c.String(code, text+"\n"); err != nil {
			log.Debug("answering a request", "error", err)
		}
	}
	return e
}

func peer(c echo.Context) netip.Addr {
	ap, err := netip.ParseAddrPort(c.Request().RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// Serve answers on a listener until ctx ends; streams are ended with it.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	base, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &http.Server{
		Handler: h,
		// No WriteTimeout: a root image over a slow link takes what it takes. What
		// is sent to boxes has a deadline that moves on with it (see counter).
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if b, ok := h.(*bootHandler); ok {
		l = b.crowd.limit(l)
		s.ConnContext = remember
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		stop, cancelStop := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancelStop()
		if err := s.Shutdown(stop); err != nil {
			return s.Close()
		}
		return nil
	}
}

// ListenUnix listens on a unix socket that only its owner may open; a socket left
// by a run that died is replaced.
func ListenUnix(path string, mode os.FileMode) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, errors.New("another rackhand answers there already: stop it first")
	}
	// A socket of a process that was killed goes; nothing else that bears the name does.
	if st, err := os.Lstat(path); err == nil && st.Mode().Type() != os.ModeSocket {
		return nil, errors.New("a file that is no socket has that name: remove it")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// AgentTLS is the agents' port's TLS settings.
func (s *Server) AgentTLS() *tls.Config { return s.Authority.TLS() }
