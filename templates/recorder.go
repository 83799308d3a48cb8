package templates

import (
	"bytes"
	"fmt"
)

// A recorder takes what a template writes, and notes which node wrote it.
type recorder struct {
	bytes.Buffer
	origins map[*byte]origin
	pieces  []piece
	now     origin
	// mapped: the pieces are wanted.
	mapped bool
}

// Write is called once for each piece of literal text, with the very bytes of its
// node, and for each value.
func (r *recorder) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if o, ok := r.origins[&p[0]]; ok {
		r.now = o
		if o.marker {
			return len(p), nil
		}
	}
	if r.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("the template renders to more than %d bytes", maxOutput)
	}
	// Values that one action writes one after another are one piece.
	if n := len(r.pieces); r.mapped && (n == 0 || r.now.literal || r.pieces[n-1].origin != r.now) {
		r.pieces = append(r.pieces, piece{from: r.Len(), origin: r.now})
	}
	return r.Buffer.Write(p)
}
