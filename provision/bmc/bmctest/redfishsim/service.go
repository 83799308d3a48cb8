// Package redfishsim plays a tree of JSON documents as a live Redfish service (DSP0266), which
// is simulated: no BMC is behind it. Sessions, power, boot overrides, lamps, accounts, logs and the
// BMC's network port change as on a BMC. Faults by name make it as odd as BMCs are. It shares
// no code with rackhand's own Redfish driver, so that it can't agree with its mistakes.
package redfishsim

import (
	"crypto/tls"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options describe a service.
type Options struct {
	Tree           fs.FS // has redfish/v1/.../index.json; nil: the small made-up tree
	User, Password string
	Faults         []Fault
	// At limits the faults of content (HTML, Huge, Truncated, Stalls, Redirects) to paths
	// that begin so; "" is everywhere.
	At string
	// Lag is how long Lagging, Conflict and InPOST last by the clock: 20 s when 0.
	Lag time.Duration
	Now func() time.Time // time.Now when nil
	// Machine is behind the first system; nil: a box of memory alone.
	Machine Machine
}

// A Machine is a box that the service drives.
type Machine interface {
	On() bool
	// Reset carries out a ResetType of DSP2046's ComputerSystem.
	Reset(kind string) error
	// SetBoot gets each boot override: the target ("Pxe", "None"), whether for one boot.
	SetBoot(target string, once, uefi bool)
	// BootSpent says that the box used the override of one boot.
	BootSpent() bool
}

// A Request is what a client sent.
type Request struct {
	Method, Path, Body string
	IfMatch            string
	Credentials        bool // a token, a password or basic authentication came with it
}

// A Service is a simulated BMC.
type Service struct {
	opts   Options
	server *http.Server
	cert   tls.Certificate
	closed chan struct{}

	mu        sync.Mutex
	tree      tree
	faults    map[Fault]bool
	passwords map[string]string // by the account's path
	failed    map[string]int    // logins refused in a row, by user
	sessions  map[string]*session
	logins    int
	lastID    int
	requests  []Request
	elsewhere []Request
	boots     []string
	pending   []change
	until     map[string]time.Time // when a fault that lasts began to end
	sent      int64
}

// New makes a service that isn't served yet.
func New(o Options) (*Service, error) {
	if o.Tree == nil {
		o.Tree = small()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lag == 0 {
		o.Lag = 20 * time.Second
	}
	t, err := load(o.Tree)
	if err != nil {
		return nil, err
	}
	cert, err := selfSigned()
	if err != nil {
		return nil, err
	}
	s := &Service{
		opts: o, cert: cert, closed: make(chan struct{}), tree: t, faults: map[Fault]bool{},
		passwords: map[string]string{}, failed: map[string]int{}, sessions: map[string]*session{}, until: map[string]time.Time{},
	}
	for _, f := range o.Faults {
		s.faults[f] = true
	}
	s.addAccount(o.User, o.Password, "Administrator")
	s.shape()
	return s, nil
}

// Serve answers on a listener, over TLS, until Close.
func (s *Service) Serve(l net.Listener) {
	s.server = &http.Server{
		Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = s.server.ServeTLS(l, "", "") }()
}

// Close ends the service and its connections.
func (s *Service) Close() {
	close(s.closed)
	if s.server != nil {
		_ = s.server.Close()
	}
}

// Set switches a fault on or off.
func (s *Service) Set(f Fault, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[f] = on
}

// OpenSessions is how many sessions are open.
func (s *Service) OpenSessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	return len(s.sessions)
}

// Logins is how many sessions were opened so far.
func (s *Service) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Requests are those so far.
func (s *Service) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Elsewhere are the requests that came to the other host, to which Redirects points.
func (s *Service) Elsewhere() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.elsewhere)
}

// Boots are the boots so far, each by the target that it used: "" for the firmware's order.
func (s *Service) Boots() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return slices.Clone(s.boots)
}

// Sent is how many bytes of a Huge body the client took.
func (s *Service) Sent() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// Document is a copy of a resource as a client would get it, or nil.
func (s *Service) Document(path string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return clone(s.tree[path])
}
