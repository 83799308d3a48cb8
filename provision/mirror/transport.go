package mirror

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// transport makes the HTTP transport to the upstreams. It ignores the proxies of the
// environment: only the settings say where requests go.
func transport(via string, stall time.Duration) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  stall,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    8,
		MaxConnsPerHost:        32,
		MaxResponseHeaderBytes: 64 << 10,
		// Packages are stored compressed, as they come.
		DisableCompression: true,
	}
	switch socket, isUnix := strings.CutPrefix(via, "unix:"); {
	case via == "":
	case isUnix && path.IsAbs(socket):
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}
		// The name only makes requests take the absolute form; the dialer ignores it.
		t.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.invalid"})
	default:
		u, err := url.Parse(via)
		if err != nil || u.Scheme != "http" || u.Host == "" || u.Path != "" && u.Path != "/" {
			return nil, errors.New("via: write http://host:port, or unix:/path for a proxy on a unix socket")
		}
		t.Proxy = http.ProxyURL(u)
	}
	return t, nil
}

// Client is an HTTP client that asks upstreams as the cache does. via is the proxy of the
// settings, "" for none. A server that sends nothing for stall has failed. Redirects are
// followed to public hosts, and to allowed ones (HOST or HOST:PORT). With a proxy, it is
// the proxy that resolves the name of a host, and has to refuse addresses that aren't
// public.
func Client(via string, stall time.Duration, allowed []string) (*http.Client, error) {
	t, err := transport(via, stall)
	if err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	public := t
	if via == "" {
		public = t.Clone()
		public.DialContext = publicDialer()
	}
	return &http.Client{Transport: redirects{t, public, allowed}, CheckRedirect: checkRedirect}, nil
}
