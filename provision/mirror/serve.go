package mirror

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// retryAfter is how many seconds clients should wait when an upstream fails.
const retryAfter = "10"

// ServeHTTP answers GET and HEAD for /mirror/NAME/...
func (c *Cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the mirror answers GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	name, path, raw, err := split(r.URL.EscapedPath())
	switch {
	case c.upstreams[name] == nil || errors.Is(err, errFolder):
		http.Error(w, "the mirror has no such file; it serves /mirror/NAME/... for: "+strings.Join(c.Names(), ", "), http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	why := serveStored
	k := c.open(name, path)
	if k != nil {
		defer k.Close()
		if !c.o.Offline {
			why = c.requestAction(k, r)
		}
		if why == serveStored {
			c.serveKept(w, r, k)
			return
		}
	}
	if c.o.Offline {
		// The answer of a cache that may not ask (RFC 9111, section 5.2.1.7). Not 404,
		// which says that the upstream has no such file.
		http.Error(w, "the mirror is offline (mirror.offline), and was never asked for that file before", http.StatusGatewayTimeout)
		return
	}
	f := c.fetch(name, path, raw, why)
	if f == nil {
		unavailable(w, "the mirror has too much under way")
		return
	}
	defer f.leave()
	select {
	case <-f.ready:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
	c.serveFlight(w, r, k, f, name, path)
}

// serveFlight answers with the file that a flight brought. k is the copy from before, or
// nil.
func (c *Cache) serveFlight(w http.ResponseWriter, r *http.Request, k *storedFile, f *flight, name, path string) {
	switch f.outcome {
	case incoming:
		c.serveComing(w, r, f)
	case unchanged:
		// The flight compared with the copy of its own moment, which may be newer.
		if now := c.open(name, path); now != nil {
			defer now.Close()
			k = now
		}
		if k == nil {
			unavailable(w, "the mirror's copy went away; ask again")
			return
		}
		c.serveKept(w, r, k)
	case mismatched:
		if now := c.open(name, path); now != nil {
			defer now.Close()
			c.serveKept(w, r, now)
			return
		}
		unavailable(w, "the upstream has another file than the archive's index names; ask again")
	case absent, refused:
		if k != nil && isPackage(path) && !noCache(r) { // good for hosts whose index names it
			c.serveKept(w, r, k)
			return
		}
		if f.outcome == refused {
			http.Error(w, "the upstream refuses to give that file", http.StatusBadGateway)
			return
		}
		http.Error(w, "the upstream has no such file", http.StatusNotFound)
	case unreachable, full:
		if k == nil {
			c.events.record(name, kindUnavailable, "mirror "+name+": a file couldn't be fetched, and there is no copy of it: "+reason(f.cause))
			unavailable(w, "the upstream doesn't give that file now, and the mirror has no copy")
			return
		}
		c.events.record(name, kindStale, "mirror "+name+": old copies are served, since the upstream doesn't answer: "+reason(f.cause))
		// RFC 7234 section 5.5.1; obsolete in RFC 9111, but still what tells a person.
		w.Header().Set("Warning", `110 - "Response is Stale"`)
		c.serveKept(w, r, k)
	}
}

func unavailable(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", retryAfter)
	http.Error(w, text, http.StatusServiceUnavailable)
}

// requestAction decides what to do before a request is answered with a stored file.
func (c *Cache) requestAction(k *storedFile, r *http.Request) action {
	ctx, cancel := context.WithTimeout(r.Context(), viewPatience)
	defer cancel()
	why := c.actionFor(ctx, k)
	if why == serveStored && noCache(r) {
		return revalidate
	}
	return why
}

func noCache(r *http.Request) bool {
	return strings.Contains(strings.ToLower(r.Header.Get("Cache-Control")), "no-cache")
}

// fresh reports whether the upstream was asked about a stored file just now.
func (c *Cache) fresh(k *storedFile) bool {
	age := c.o.Clock().Sub(c.checkedAt(k).time)
	return age >= 0 && age < c.o.Fresh
}

func (c *Cache) serveKept(w http.ResponseWriter, r *http.Request, k *storedFile) {
	c.touch(k)
	serve(w, r, k.meta, k.content())
}

// serveComing streams a file while it comes in.
func (c *Cache) serveComing(w http.ResponseWriter, r *http.Request, f *flight) {
	t := &tail{ctx: r.Context(), f: f}
	if f.meta.Size >= 0 {
		serve(w, r, f.meta, t)
	} else {
		headers(w, f.meta)
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodGet {
			_, err := io.Copy(w, t)
			if err != nil && t.err == nil {
				t.err = err
			}
		}
	}
	if t.err != nil {
		// The client must not take the part that it has for the whole file.
		panic(http.ErrAbortHandler)
	}
}

func headers(w http.ResponseWriter, m meta) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	for key, value := range map[string]string{
		"Content-Type": m.Type, "Content-Encoding": m.Encoding, "ETag": m.ETag, "Last-Modified": m.LastModified,
	} {
		if value != "" {
			h.Set(key, value)
		}
	}
}

// serve answers with a file of known size. The standard library does ranges, conditions
// and HEAD.
func serve(w http.ResponseWriter, r *http.Request, m meta, content io.ReadSeeker) {
	headers(w, m)
	modified, err := http.ParseTime(m.LastModified)
	if err != nil {
		modified = time.Time{}
	}
	http.ServeContent(w, r, "", modified, content)
}
