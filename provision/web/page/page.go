// Package page is the status page: all hosts at a glance, the journey of each,
// live over server-sent events and readable without JavaScript. It only reads.
package page

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// Options are the parts and settings of a Handler.
type Options struct {
	Source Source           // required
	Log    *slog.Logger     // required
	Clock  func() time.Time // required
	// Title names the appliance in the page's head; "rackhand" by default.
	Title string
	// MaxStreams is how many browsers may follow live at once (64); one more gets
	// 503 and tries again.
	MaxStreams int
	// Note returns the line at the foot of a page, which may change; nil: no line.
	Note func() string
	// Heartbeat is how often a quiet stream shows that it is alive (10 s).
	Heartbeat time.Duration
	// SendTimeout is how long a stream's client may take to accept what is sent
	// before it is dropped (10 s). It reconnects and continues after its last event.
	SendTimeout time.Duration
	// Known reports whether an address has a part in the reserved quarter of MaxStreams;
	// nil: no address has.
	Known func(netip.Addr) bool
}

// A Handler serves the page, at the root of its server:
//
//	GET /                            all hosts
//	GET /runs                        the last run of the agent of each host
//	GET /bmc                         the latest audit of BMCs
//	GET /host/NAME                   one host, or the unclaimed box with that MAC
//	GET /host/NAME/install/ID        an install or job on record
//	GET /host/NAME/install/ID/log    what its installer has logged; log.txt as text
//	GET /host/NAME/log               the same of the latest install; log.txt as text
//	GET /events                      server-sent events; resumes from Last-Event-ID or ?after=SEQ
//	GET /fragment/...                the live part of a page, for its own script
//	GET /static/...                  style sheet, script, icon; immutable, named by their hash
//	GET /healthz                     200 when the source can be read
//
// A stream ends when its request's context does: cancel the server's BaseContext
// in RegisterOnShutdown, or Shutdown waits for every browser.
type Handler struct {
	Options
	assets    *assets
	templates *template.Template
	streams   *streams
	pages     *shared
	latest    latest
	mux       *http.ServeMux
}

// New makes the page. An error means that an option is missing or that the
// embedded templates don't parse.
func New(o Options) (*Handler, error) {
	if o.Source == nil || o.Log == nil || o.Clock == nil {
		return nil, errors.New("status page: Source, Log and Clock must be given")
	}
	o.Title = cmp.Or(o.Title, "rackhand")
	o.MaxStreams = cmp.Or(o.MaxStreams, 64)
	o.Heartbeat = cmp.Or(o.Heartbeat, 10*time.Second)
	o.SendTimeout = cmp.Or(o.SendTimeout, 10*time.Second)
	pages := newShared(time.Now)
	a, err := loadAssets(&pages.packer)
	if err != nil {
		return nil, fmt.Errorf("status page: %w", err)
	}
	t, err := parseTemplates(a)
	if err != nil {
		return nil, fmt.Errorf("status page: %w", err)
	}
	h := &Handler{Options: o, assets: a, templates: t, streams: newStreams(o.MaxStreams, o.Known), pages: pages, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /{$}", h.share(h.overview))
	h.mux.HandleFunc("GET /fragment/hosts", h.share(h.overview))
	h.mux.HandleFunc("GET /runs", h.share(h.runs))
	h.mux.HandleFunc("GET /fragment/runs", h.share(h.runs))
	h.mux.HandleFunc("GET /bmc", h.share(h.bmcs))
	h.mux.HandleFunc("GET /fragment/bmc", h.share(h.bmcs))
	h.mux.HandleFunc("GET /host/{name}", h.share(h.host))
	h.mux.HandleFunc("GET /fragment/host/{name}", h.share(h.host))
	h.mux.HandleFunc("GET /host/{name}/install/{id}", h.share(h.install))
	h.mux.HandleFunc("GET /fragment/host/{name}/install/{id}", h.share(h.install))
	for _, log := range []string{"/host/{name}/log", "/host/{name}/install/{id}/log"} {
		h.mux.HandleFunc("GET "+log, h.share(h.log))
		h.mux.HandleFunc("GET /fragment"+log, h.share(h.log))
		h.mux.HandleFunc("GET "+log+".txt", h.logText)
	}
	h.mux.HandleFunc("GET /events", h.events)
	h.mux.HandleFunc("GET /static/{name}", h.assets.serve)
	h.mux.HandleFunc("GET /healthz", h.healthz)
	h.mux.HandleFunc("GET /", h.notFound)
	return h, nil
}

// ServeHTTP sets the headers of every answer, and refuses all methods that could change
// something.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	// Inline scripts and styles are forbidden, so a box's own name can't become code.
	header.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY") // for browsers that don't know frame-ancestors
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "this page is for reading: use GET", http.StatusMethodNotAllowed)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// healthz tells a supervisor whether the page can read its source.
func (h *Handler) healthz(w http.ResponseWriter, r *http.Request) {
	if _, err := h.Source.Hosts(r.Context()); err != nil {
		h.Log.Error("health check: hosts can't be read", "err", err)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "the hosts can't be read; see the appliance's log", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // an error means that the client has gone
}
