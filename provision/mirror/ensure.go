package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// An Outcome is what became of a file that was to be in the cache.
type Outcome struct {
	Size    int64 // bytes
	Fetched bool  // it came from the upstream just now
}

// ErrAbsent is wrapped by errors about a file that the upstream doesn't have.
var ErrAbsent = errors.New("the upstream has no such file")

// Ensure brings a file of an upstream into the cache, unless it is there and
// current. It returns when the whole of it is kept. Path is the part below the
// upstream, with a leading slash.
func (c *Cache) Ensure(ctx context.Context, upstream, path string) (Outcome, error) {
	fail := func(err error) (Outcome, error) {
		return Outcome{}, fmt.Errorf("mirror %s: %s: %w", upstream, path, err)
	}
	name, clean, ok := split("/mirror/" + upstream + path)
	if !ok || c.upstreams[name] == nil {
		return fail(errors.New("it serves no such upstream or path"))
	}
	if k := c.open(name, clean); k != nil {
		defer k.Close()
		if c.o.Offline || immutable(clean) || c.fresh(k) {
			c.touch(k)
			return Outcome{Size: k.Size}, nil
		}
	}
	if c.o.Offline {
		return fail(errors.New("the mirror is offline (mirror.offline)"))
	}
	f := c.fetch(name, clean)
	if f == nil {
		return fail(errors.New("the mirror has too much under way, or ends"))
	}
	defer f.leave()
	select {
	case <-f.ready:
	case <-ctx.Done():
		return fail(ctx.Err())
	}
	switch f.outcome {
	case coming:
		size, err := f.whole(ctx)
		if err != nil {
			return fail(err)
		}
		return Outcome{Size: size, Fetched: true}, nil
	case unchanged:
		return Outcome{Size: f.meta.Size}, nil
	case absent:
		return fail(ErrAbsent)
	}
	return fail(errors.New(reason(f.cause)))
}

// Open opens a file that is kept; the error wraps ErrAbsent when it isn't.
func (c *Cache) Open(upstream, path string) (io.ReadSeekCloser, error) {
	name, clean, ok := split("/mirror/" + upstream + path)
	if ok {
		if k := c.open(name, clean); k != nil {
			return keptContent{k.content(), k}, nil
		}
	}
	return nil, fmt.Errorf("mirror %s: %s isn't kept: %w", upstream, path, ErrAbsent)
}

// A keptContent is the bytes of a kept file.
type keptContent struct {
	io.ReadSeeker
	io.Closer
}

// whole waits until a flight has ended, and says how large its file is.
func (f *flight) whole(ctx context.Context) (int64, error) {
	for {
		f.mu.Lock()
		size, done, err, changed := f.size, f.done, f.err, f.changed
		f.mu.Unlock()
		if done {
			return size, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
