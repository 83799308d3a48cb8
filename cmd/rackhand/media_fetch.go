package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rackhand/bootfiles/media"
	"rackhand/provision/mirror"
)

// upstreamOf finds the upstream of the mirror cache that a tree lies on: UPSTREAM:PATH,
// or a URL that begins with an upstream's.
func upstreamOf(from string, upstreams map[string]string) (upstream, path string, err error) {
	if !strings.Contains(from, "://") {
		upstream, path, ok := strings.Cut(from, ":")
		if _, known := upstreams[upstream]; ok && known {
			return upstream, strings.Trim(path, "/"), nil
		}
		return "", "", fmt.Errorf("%q is not FILE.iso and not UPSTREAM:PATH with an upstream of the mirror cache (%s)", from, known(upstreams))
	}
	for name, base := range upstreams {
		base = strings.TrimRight(base, "/") + "/"
		if rest, ok := strings.CutPrefix(from, base); ok && len(base) > len(upstreams[upstream]) {
			upstream, path = name, strings.Trim(rest, "/")
			if path, err = url.PathUnescape(path); err != nil {
				return "", "", fmt.Errorf("the URL can't be parsed: %w", err)
			}
		}
	}
	if upstream == "" {
		return "", "", fmt.Errorf("the URL is below no upstream of the mirror cache: add one under mirror.upstreams (there are %s)", known(upstreams))
	}
	return upstream, path, nil
}

func known(upstreams map[string]string) string {
	if len(upstreams) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(upstreams)), ", ")
}

// fetchFrom fetches below an upstream.
func fetchFrom(client *http.Client, base string) media.Fetch {
	return func(ctx context.Context, path string) (io.ReadCloser, error) {
		// As the cache and dnf ask: an object store needs %2B for a plus.
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+mirror.Escape(path), nil)
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
