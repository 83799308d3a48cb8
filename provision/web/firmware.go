package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A bootHandler handles requests on port 80 before their routes, as firmware needs it. It
// wraps only the mirror's ResponseWriter: files go straight to the connection, by sendfile.
type bootHandler struct {
	routes   http.Handler
	patience time.Duration // for an answer to be sent
	// initrd wraps the writer of the mirror's answers: see Server.forInitrd.
	initrd func(http.ResponseWriter, *http.Request) http.ResponseWriter
}

func (b *bootHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refusedOverLimit(w, r) {
		return
	}
	r = cleanPath(r)
	// An answer must be sent within b.patience, which files renew (see counter). The mirror
	// waits for its upstream, so there the time counts for each piece.
	p := patient{w, b.patience}
	if !strings.HasPrefix(r.URL.Path, "/mirror/") {
		p.renew()
		b.routes.ServeHTTP(w, r)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	if b.initrd != nil {
		p.ResponseWriter = b.initrd(w, r)
	}
	b.routes.ServeHTTP(p, r)
	p.renew() // for what is still in the buffer
}

// cleanPath makes single slashes of doubled ones, which shim and some UEFI
// implementations send. It doesn't redirect, since firmware follows no redirects. It cleans
// nothing else: no route matches a path with .. in it.
func cleanPath(r *http.Request) *http.Request {
	if !strings.Contains(r.URL.Path, "//") && !strings.Contains(r.URL.RawPath, "//") {
		return r
	}
	clean := new(http.Request)
	*clean = *r
	clean.URL = new(url.URL)
	*clean.URL = *r.URL
	if r.URL.RawPath == "" {
		clean.URL.Path = oneSlash(r.URL.Path)
		return clean
	}
	// In the encoded path only the slashes that were sent as such are merged. An encoded one
	// stays: otherwise the two forms would differ, and the path would be encoded again on
	// its way to an upstream.
	raw := oneSlash(r.URL.RawPath)
	if path, err := url.PathUnescape(raw); err == nil {
		clean.URL.Path, clean.URL.RawPath = path, raw
	}
	return clean
}

func oneSlash(path string) string {
	var b strings.Builder
	b.Grow(len(path))
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}
