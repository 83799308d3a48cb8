package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A bootHandler stands before the routes of port 80 for firmware's sake. It wraps no
// ResponseWriter but the mirror's: files go to the connection itself, by sendfile.
type bootHandler struct {
	routes   http.Handler
	patience time.Duration // for what is answered to get away
	// initrd wraps the writer of what the mirror answers: see Server.forInitrd.
	initrd func(http.ResponseWriter, *http.Request) http.ResponseWriter
}

func (b *bootHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if turnedAway(w, r) {
		return
	}
	r = cleanPath(r)
	// What is answered has a minute to get away, and files renew it (see counter). The
	// mirror takes as long as its upstream does, and its client a minute for each piece.
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
// implementations send. Without a redirect: firmware doesn't follow any. Nothing else
// is cleaned: a path with .. in it is nobody's.
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
	// Of what is encoded, the slashes as they were sent: an encoded one stays, or the two
	// forms would differ, and the path be encoded anew on its way to an upstream.
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
