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

// transport makes the way to the upstreams. The environment's proxies don't count:
// the configuration alone says where requests go.
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
		// Packages come compressed as they are to be kept.
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

// Client asks upstreams as the cache does: via is the proxy that the configuration
// names, "" for none; a server that says nothing for stall has failed.
func Client(via string, stall time.Duration) (*http.Client, error) {
	t, err := transport(via, stall)
	if err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}, nil
}

// checkRedirect lets an upstream send the cache on (content networks do), a few
// times and by HTTP only. Hosts never see the redirect.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("it redirects for ever")
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return fmt.Errorf("it redirects to a URL of scheme %q", s)
	}
	return nil
}
