package mirror

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// errBroken is what readers of a flight get when it broke off.
var errBroken = errors.New("the file broke off under way")

// An outcome is how the upstream answered.
type outcome int

const (
	incoming    outcome = iota // the file comes in, or has come
	unchanged                  // the kept copy is current
	absent                     // the upstream has no such file
	refused                    // the upstream won't give it: 401, 403 and the like
	unreachable                // no answer, or one that says "later"
	full                       // the cache's own folder fails
	mismatched                 // the upstream has another file than the index names; a copy is kept
)

// A flight is one fetch from an upstream that any number of clients share. It is
// answered once, by which ready is closed; while the file comes in, clients read
// what has come so far.
type flight struct {
	raw string // the path that the upstream is asked for; its own goroutine's
	// index: its last byte is held back until it is kept. Who has read it asks for what it
	// names, and is to get that.
	index bool

	ready chan struct{}

	// Set before ready is closed, and not changed then.
	outcome outcome
	meta    meta
	cause   error

	mu       sync.Mutex
	file     *os.File
	users    int           // who may still read file
	size     int64         // bytes that have come
	done     bool          // no more will come
	err      error         // why, when it isn't whole
	storeErr error         // why it isn't kept, when it is whole
	changed  chan struct{} // closed at every change, then replaced

	reserved  int64 // bytes of the cache; under the cache's lock
	forgotten bool  // it isn't to be kept; under the cache's lock
}

func newFlight() *flight {
	return &flight{ready: make(chan struct{}), changed: make(chan struct{}), users: 1}
}

// settle answers the flight.
func (f *flight) settle(o outcome, cause error) {
	f.outcome, f.cause = o, cause
	close(f.ready)
}

func (f *flight) update(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flight) grow(n int) { f.update(func() { f.size += int64(n) }) }

// finish ends a flight: err says that it isn't whole, unkept that it isn't kept.
func (f *flight) finish(err, unkept error) {
	f.update(func() { f.done, f.err, f.storeErr = true, err, unkept })
}

// join makes the caller a user of the flight, who has to leave it.
func (f *flight) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users++
}

// leave gives up the use of the file; the last one closes it.
func (f *flight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users--
	if f.users == 0 && f.file != nil {
		f.file.Close()
	}
}

// await waits until there is something to read at the offset: it answers how many
// bytes, or 0 with io.EOF at the whole file's end, or errBroken.
func (f *flight) await(ctx context.Context, offset int64) (int64, error) {
	for {
		f.mu.Lock()
		size, done, err, changed := f.size, f.done, f.err, f.changed
		f.mu.Unlock()
		if f.index && !done {
			size--
		}
		switch {
		case offset < size:
			return size - offset, nil
		case done && err != nil:
			return 0, errBroken
		case done:
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// A tail reads a flight's file while it grows. With a known size it can seek, and
// so serve ranges of what is still to come.
type tail struct {
	ctx context.Context
	f   *flight
	at  int64
	err error // the first one but io.EOF
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.f.await(t.ctx, t.at)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			t.err = err
		}
		return 0, err
	}
	if int64(len(p)) > n {
		p = p[:n]
	}
	m, err := t.f.file.ReadAt(p, t.at)
	t.at += int64(m)
	if m > 0 {
		return m, nil
	}
	t.err = err
	return 0, err
}

// Seek implements io.Seeker over the size that the upstream announced.
func (t *tail) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += t.at
	case io.SeekEnd:
		offset += t.f.meta.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the file's beginning")
	}
	t.at = offset
	return offset, nil
}
