package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// An Outcome says how Ensure got a file.
type Outcome struct {
	Size    int64 // bytes
	Fetched bool  // it came from the upstream just now
}

// ErrAbsent is wrapped by errors about a file that the upstream doesn't have.
var ErrAbsent = errors.New("the upstream has no such file")

// Ensure fetches a file of an upstream into the cache, unless a current copy is stored. It
// returns when the whole file is stored. path is the part below the upstream in literal
// names, as an index of an archive has them.
func (c *Cache) Ensure(ctx context.Context, upstream, path string) (Outcome, error) {
	fail := func(err error) (Outcome, error) {
		return Outcome{}, fmt.Errorf("mirror %s: %s: %w", upstream, path, err)
	}
	file, raw, err := parsePath(Escape(path))
	if err != nil || c.upstreams[upstream] == nil {
		return fail(errors.New("it serves no such upstream or path"))
	}
	why := serveStored
	if k := c.open(upstream, file); k != nil {
		defer k.Close()
		why = c.actionFor(ctx, k)
		if why == serveStored || c.o.Offline && why != refetch {
			c.touch(k)
			return Outcome{Size: k.Size}, nil
		}
		if c.o.Offline {
			return fail(errors.New("the archive's index names another file by that name than the one that is kept, and the mirror is offline (mirror.offline): fetch ahead once more while it is online"))
		}
	}
	if c.o.Offline {
		return fail(errors.New("the mirror is offline (mirror.offline)"))
	}
	f := c.fetch(upstream, file, raw, why)
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
	case incoming:
		size, err := f.waitWhole(ctx)
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

// Open opens a stored file by its path in literal names. The error wraps ErrAbsent when it
// isn't stored.
func (c *Cache) Open(upstream, path string) (io.ReadSeekCloser, error) {
	return c.openFile(upstream, literal("", path))
}

// openFile is Open with the path as the cache writes it.
func (c *Cache) openFile(upstream, path string) (io.ReadSeekCloser, error) {
	if k := c.open(upstream, path); k != nil {
		return storedContent{k.content(), k}, nil
	}
	return nil, fmt.Errorf("mirror %s: %s isn't kept: %w", upstream, path, ErrAbsent)
}

// A storedContent is the bytes of a stored file.
type storedContent struct {
	io.ReadSeeker
	io.Closer
}

// waitWhole waits until a flight has ended, and returns the size of its file. An error
// says that the file isn't stored.
func (f *flight) waitWhole(ctx context.Context) (int64, error) {
	for {
		f.mu.Lock()
		size, done, err, changed := f.size, f.done, errors.Join(f.err, f.storeErr), f.changed
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
