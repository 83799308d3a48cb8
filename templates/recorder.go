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
	steps  int   // that were carried out
	broken error // the error that ended it: text/template doesn't say where
}

// Write is called once for each piece of literal text, with the very bytes of its
// node, and for each value.
func (r *recorder) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if o, ok := r.origins[&p[0]]; ok {
		if !o.step {
			r.now = o
		}
		if r.steps += max(o.weight, 1); r.steps > maxSteps {
			return 0, r.stop(o, "the template takes more than %d steps: is there a loop, or a template that calls itself?", maxSteps)
		}
		if o.marker {
			return len(p), nil
		}
	}
	if r.Len()+len(p) > maxOutput {
		return 0, r.stop(r.now, "the template renders to more than %d bytes", maxOutput)
	}
	// Values that one action writes one after another are one piece.
	if n := len(r.pieces); r.mapped && (n == 0 || r.now.literal || r.pieces[n-1].origin != r.now) {
		r.pieces = append(r.pieces, piece{from: r.Len(), origin: r.now})
	}
	return r.Buffer.Write(p)
}

// stop ends a render at a place of a template.
func (r *recorder) stop(at origin, format string, args ...any) error {
	r.broken = &Error{Message: fmt.Sprintf(format, args...)}
	if at.src != nil {
		r.broken = &Error{Place: at.src.place(at.offset), Message: fmt.Sprintf(format, args...)}
	}
	return r.broken
}
