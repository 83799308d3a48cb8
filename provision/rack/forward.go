package rack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// forwardTransfers bounds what is fetched at once.
const forwardTransfers = 32

// A Forward is an HTTP forward proxy on a unix socket, which crosses network
// namespaces: the only way for an appliance inside a rack to get packages,
// without any route. It takes GET and HEAD in absolute form (RFC 9112 §3.2.2,
// `GET http://host/path HTTP/1.1`; https URLs are fetched over TLS by the proxy),
// only to the given hosts, and streams the answer.
type Forward struct {
	listener net.Listener
	hosts    map[string]bool
	client   *http.Transport
	log      *slog.Logger
	slots    chan struct{}
}

// NewForward listens on a unix socket that only this user may open. allowedHosts
// are host or host:port as they stand in URLs; nothing else is fetched.
func NewForward(socketPath string, allowedHosts []string, log *slog.Logger) (*Forward, error) {
	f := &Forward{
		hosts: map[string]bool{},
		log:   log,
		slots: make(chan struct{}, forwardTransfers),
		client: &http.Transport{
			// This machine's own way out, if it has one.
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout:   15 * time.Second,
			ResponseHeaderTimeout: 60 * time.Second,
			IdleConnTimeout:       30 * time.Second,
			MaxIdleConnsPerHost:   8,
			// The body goes through as it is; sizes and ranges must stay true.
			DisableCompression: true,
		},
	}
	for _, h := range allowedHosts {
		if h == "" || strings.ContainsAny(h, "/@ ") {
			return nil, fmt.Errorf("rack: forward proxy: %q is not a host: want host or host:port", h)
		}
		f.hosts[strings.ToLower(h)] = true
	}
	// A socket without a listener is left over from a crash.
	if conn, err := net.DialTimeout("unix", socketPath, time.Second); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("rack: forward proxy: somebody listens on %s already", socketPath)
	} else if info, err := os.Lstat(socketPath); err == nil && info.Mode().Type() == os.ModeSocket {
		_ = os.Remove(socketPath)
	}
	var err error
	if f.listener, err = net.Listen("unix", socketPath); err != nil {
		return nil, fmt.Errorf("rack: forward proxy: %w (a unix socket's path has at most 107 bytes)", err)
	}
	if err := os.Chmod(socketPath, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("rack: forward proxy: %w", err), f.listener.Close())
	}
	return f, nil
}

// Run forwards until ctx ends, then removes the socket.
func (f *Forward) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler:           f,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(f.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("rack: forward proxy: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		f.client.CloseIdleConnections()
		return srv.Close() // transfers end with their client: nothing to wait for
	})
	return g.Wait()
}

// ServeHTTP forwards one request.
func (f *Forward) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are forwarded", http.StatusMethodNotAllowed)
		return
	}
	u := req.URL
	if !u.IsAbs() || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		http.Error(w, "this is a forward proxy: ask for http://host/path", http.StatusBadRequest)
		return
	}
	if !f.hosts[strings.ToLower(u.Host)] {
		f.log.Warn("forward proxy refused a host", "host", u.Host)
		http.Error(w, "this host isn't forwarded to", http.StatusForbidden)
		return
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-req.Context().Done():
		return
	}
	out, err := http.NewRequestWithContext(req.Context(), req.Method, u.String(), http.NoBody)
	if err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	out.Header = endToEnd(req.Header, requestHeaders())
	// RoundTrip and not Client.Do: a redirect is the caller's to follow, or a
	// mirror could lead us to any host.
	resp, err := f.client.RoundTrip(out)
	if err != nil {
		f.log.Warn("forward proxy couldn't fetch", "host", u.Host, "path", u.Path, "error", err)
		http.Error(w, "the upstream doesn't answer: "+err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	for k, v := range endToEnd(resp.Header, responseHeaders()) {
		w.Header()[k] = v
	}
	if resp.ContentLength >= 0 {
		w.Header().Set("Content-Length", fmt.Sprint(resp.ContentLength))
	}
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, resp.Body); err != nil {
		f.log.Debug("forward proxy's transfer ended early", "host", u.Host, "path", u.Path, "error", err)
		panic(http.ErrAbortHandler) // so that the client sees it is incomplete
	}
}

func requestHeaders() []string {
	return []string{
		"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
		"Accept", "Cache-Control", "User-Agent",
	}
}

func responseHeaders() []string {
	return []string{
		"Content-Type", "Content-Range", "Content-Encoding", "Accept-Ranges", "Etag", "Last-Modified",
		"Cache-Control", "Expires", "Age", "Date", "Location", "Retry-After", "Vary",
	}
}

// endToEnd copies the named headers; all others end at the proxy.
func endToEnd(h http.Header, names []string) http.Header {
	out := http.Header{}
	for _, n := range names {
		if v := h.Values(n); len(v) > 0 {
			out[http.CanonicalHeaderKey(n)] = append([]string(nil), v...)
		}
	}
	return out
}
