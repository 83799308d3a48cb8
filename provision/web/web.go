// Package web is the appliance's HTTP server: boot files, answer files and
// installers' events on port 80; agents on 8443; the operator on a unix socket. echo
// routes, behind our own http.Server.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/agentfile"
	"rackhand/provision/boot"
	"rackhand/provision/connlimit"
	"rackhand/provision/handout"
	"rackhand/provision/hostfacts"
	"rackhand/provision/installlog"
	"rackhand/provision/journal"
	"rackhand/provision/limit"
	"rackhand/provision/neighbour"
	"rackhand/provision/operate"
	"rackhand/provision/orders"
	"rackhand/provision/pki"
	"rackhand/provision/reports"
	"rackhand/provision/store"
	"rackhand/provision/trace"
	"rackhand/templates"
)

// Options are the parts and settings of a Server.
type Options struct {
	Journal   *journal.Journal
	Store     store.Store
	Reports   *reports.Archive   // the reports of agents; nil: a new archive in Store
	Facts     *hostfacts.Archive // what agents say of their hosts; nil: a new archive in Store
	Authority *pki.Authority
	Snapshot  func() *inventory.Snapshot
	// Leased returns the address that a MAC holds a lease of.
	Leased func(ctx context.Context, mac inventory.MAC) (netip.Addr, bool)
	// Leaseholder is the other way round: the MAC that holds the lease of an address.
	Leaseholder func(ctx context.Context, addr netip.Addr) (inventory.MAC, bool)
	// Lease returns the latest lease of a MAC, ours or one that it was heard to ask another
	// server for; nil: every box that asks for a script counts as booting.
	Lease func(ctx context.Context, mac inventory.MAC) (provision.Lease, bool)
	// Began is the counted time at which the appliance started. It doesn't know which boxes
	// waited for their script before.
	Began time.Time
	// Neighbour returns the machine that has an address (neighbour.Ask); nil: no check.
	Neighbour func(ctx context.Context, addr netip.Addr) (neighbour.Found, error)
	// Decide decides what a box that boots gets, and arms a first install before it returns.
	Decide    func(ctx context.Context, r boot.Request) (boot.Decision, error)
	Catalogs  Catalogs
	Operator  *operate.Operator
	Handout   *handout.Maker    // makes scripts and answer files
	Files     *bootfiles.Files  // boot programs
	Logs      *installlog.Store // logs of installers; nil: not kept
	Mirror    http.Handler
	Page      http.Handler
	Appliance templates.Appliance
	// At returns the appliance's URLs for clients of its address local, if it has several
	// addresses; nil: Appliance is for all.
	At     func(local netip.Addr) templates.Appliance
	Random io.Reader
	Clock  func() time.Time
	Log    *slog.Logger
	// Limits bound what a host may send; the usual ones when zero.
	Limits config.Limits
	// Orders are the operator's orders to agents.
	Orders *orders.Keeper
	// Flood limits the events that requests cause; nil makes a new one.
	Flood *provision.Flood
	// Trace takes each request of boxes and agents; nil: none is traced. Traces keeps them for
	// the operator.
	Trace  func(trace.Fact)
	Traces *trace.Recorder
	// Bind records which CA the database belongs to, once another one signs; nil: no record.
	Bind func(ctx context.Context, ca []byte) error
	// Backup sends a backup of this appliance; nil: it makes none.
	Backup http.Handler
	// Programs are the agents' programs; nil: those of the build alone, and no upgrades.
	Programs agentfile.ByProcessor
	// Agent says which hosts are offered which of them, and how certificates are renewed.
	Agent config.Agent
}

// A Server holds the routes.
type Server struct {
	Options
	refused *limit.Limiter // addresses that were refused
	fetched *limit.Limiter // fetches that have caused an event
	taken   taken
	drifts  *limit.Limiter // drift that the journal has an event of
	stuck   *limit.Limiter // hosts that are reported to be stuck at their script
	scripts scriptCache
	answers answers
	secrets secrets
	retries retries
	slipped map[string]time.Time // of SweepCertificates alone: since when, in counted time
	waits   waits
	// unclaimed are the boxes that wait to be claimed.
	unclaimed unclaimed
	caMu      sync.Mutex // held while the CA is changed
	old       oldAgents
	// agentSums are the SHA-256 of the agents that this program carries, by processor.
	agentSums func() map[string]string
}

// maxRefused bounds the refused addresses that are remembered within a minute.
const maxRefused = 1 << 16

// New makes the routes.
func New(o Options) *Server {
	if o.Flood == nil {
		o.Flood = provision.NewFlood(o.Clock)
	}
	if o.Limits == (config.Limits{}) {
		o.Limits = config.Default().Limits
	}
	if o.Reports == nil && o.Journal != nil {
		o.Reports = reports.New(reports.Options{Store: o.Store, Clock: o.Clock, Counted: o.Journal.Counted, Keep: config.Default().Keep, Log: o.Log})
	}
	if o.Facts == nil && o.Journal != nil {
		o.Facts = hostfacts.New(hostfacts.Options{Store: o.Store, Clock: o.Clock, Counted: o.Journal.Counted, Log: o.Log})
	}
	return &Server{
		Options: o, drifts: &limit.Limiter{Every: time.Hour}, refused: &limit.Limiter{Most: maxRefused}, fetched: &limit.Limiter{Every: fetchEvery}, stuck: &limit.Limiter{Every: time.Hour},
		taken: newTaken(o.Journal.Counted, o.Limits), agentSums: sync.OnceValue(sumsOfAgents),
	}
}

func newEcho(log *slog.Logger) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	// Without this, echo believes X-Forwarded-For, although tokens are bound to an
	// address.
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

// Serve answers on a listener until ctx ends, which also ends streams. HTTP/2 is off: its
// streams would bypass the limits on connections.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	base, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &http.Server{
		Handler: h,
		// No WriteTimeout: a root image over a slow link takes what it takes. What
		// is sent has a deadline that moves on with it (see counter and patient).
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnState:         connlimit.ConnState,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return withConn(connlimit.ConnContext(ctx, c), c)
		},
		Protocols: new(http.Protocols),
	}
	s.Protocols.SetHTTP1(true)
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
	if err := clearSocket(path); err != nil {
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

// clearSocket removes the socket of a killed process, on which no process listens. It
// removes nothing else of that name.
func clearSocket(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != os.ModeSocket {
		return errors.New("a file with that name is not a socket: remove it")
	}
	c, err := net.DialTimeout("unix", path, 5*time.Second)
	switch {
	case err == nil:
		c.Close()
		return errors.New("another rackhand answers there already: stop it first")
	case !errors.Is(err, syscall.ECONNREFUSED): // full, of another kind, another user's
		return fmt.Errorf("a socket has that name, and may be another program's: %w", err)
	}
	return os.Remove(path)
}

// AgentTLS returns the TLS settings of the agents' port.
func (s *Server) AgentTLS() *tls.Config { return s.Authority.TLS() }
