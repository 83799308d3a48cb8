package page

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/net/http/httpguts"
)

// worthPacking is the number of bytes below which an answer fits into one packet anyway.
const worthPacking = 1000

// takesGzip reports whether a client accepts gzip. One that gives it a weight gets the answer
// as it is, which is always right (RFC 9110, 12.5.3).
func takesGzip(r *http.Request) bool {
	return httpguts.HeaderValuesContainsToken(r.Header.Values("Accept-Encoding"), "gzip")
}

// A packer compresses with gzip. It keeps its writers, which take a megabyte each. Its methods
// are safe for concurrent use.
type packer struct{ writers sync.Pool }

// packed compresses; nil when that isn't worth it.
func (p *packer) packed(content []byte) []byte {
	if len(content) < worthPacking {
		return nil
	}
	w, ok := p.writers.Get().(*gzip.Writer)
	if !ok {
		w = gzip.NewWriter(nil)
	}
	defer p.writers.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	if _, err := w.Write(content); err != nil || w.Close() != nil { // a buffer takes everything
		return nil
	}
	return out.Bytes()
}

// pack compresses an answer that was not given out yet.
func (m *made) pack(p *packer) {
	body := p.packed(m.body)
	if body == nil {
		return
	}
	m.body = body
	m.header.Set("Content-Encoding", "gzip")
	m.header.Set("Content-Length", strconv.Itoa(len(body)))
}
