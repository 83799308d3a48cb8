package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rackhand/bootfiles/media"
)

// upstreamOf finds the upstream of the configuration that a tree lies on: MIRROR:PATH,
// or a URL that begins with an upstream's.
func upstreamOf(from string, upstreams map[string]string) (mirror, path string, err error) {
	if !strings.Contains(from, "://") {
		mirror, path, ok := strings.Cut(from, ":")
		if _, known := upstreams[mirror]; ok && known {
			return mirror, strings.Trim(path, "/"), nil
		}
		return "", "", fmt.Errorf("%q is neither FILE.iso nor MIRROR:PATH with a mirror of the configuration (%s)", from, known(upstreams))
	}
	for name, base := range upstreams {
		base = strings.TrimRight(base, "/") + "/"
		if rest, ok := strings.CutPrefix(from, base); ok && len(base) > len(upstreams[mirror]) {
			mirror, path = name, strings.Trim(rest, "/")
		}
	}
	if mirror == "" {
		return "", "", fmt.Errorf("no upstream of the configuration begins that URL: name one under mirror.upstreams (there are %s)", known(upstreams))
	}
	return mirror, path, nil
}

func known(upstreams map[string]string) string {
	if len(upstreams) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(upstreams)), ", ")
}

// fetchFrom fetches below an upstream, through the proxy that the configuration gives.
func fetchFrom(base, via string) media.Fetch {
	transport := &http.Transport{ResponseHeaderTimeout: time.Minute}
	if socket, ok := strings.CutPrefix(via, "unix:"); ok {
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.invalid"})
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}
	} else if u, err := url.Parse(via); err == nil && via != "" {
		transport.Proxy = http.ProxyURL(u)
	}
	client := &http.Client{Transport: transport}
	return func(ctx context.Context, path string) (io.ReadCloser, error) {
		u, err := url.Parse(base)
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath(path).String(), nil)
		if err != nil {
			return nil, err
		}
		res, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusOK {
			res.Body.Close()
			err := fmt.Errorf("the upstream answers %s for %s", res.Status, path)
			if res.StatusCode == http.StatusNotFound {
				err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
			}
			return nil, err
		}
		return res.Body, nil
	}
}
