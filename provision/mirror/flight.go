package mirror

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// errBroken is the error of those who read a flight whose download broke off.
var errBroken = errors.New("the file broke off under way")

// An outcome is how the upstream answered.
type outcome int

const (
	incoming    outcome = iota // the file is coming in, or has come
	unchanged                  // the kept copy is current
	absent                     // the upstream has no such file
	refused                    // the upstream refuses it, for example by 401 or 403
	unreachable                // no answer, or one that says "later"
	full                       // the cache's own folder fails
	mismatched                 // the upstream has another file than the index names; a copy is kept
)

// A flight is one fetch from an upstream, shared by any number of clients. Closing ready
// says how the upstream answered. While the file comes in, clients read the part that is
// there.
type flight struct {
	raw string // the path to ask the upstream for; used by the goroutine of the flight only
	// index: the last byte is held back until the file is stored. A client that has read
	// an index asks for the files that it names, and must get exactly those.
	index bool

	ready chan struct{}

	// Set before ready is closed, and constant from then on.
	outcome outcome
	meta    meta
	cause   error

	mu       sync.Mutex
	file     *os.File
	users    int           // how many may still
	size     int64         // bytes that have come
	done     bool          // no more will come
	err      error         // why the file isn't whole
	storeErr error         // why the file isn't stored, although it is whole
	changed  chan struct{} // closed at every change, then replaced

	reserved  int64 // bytes of the cache; under the cache's lock
	forgotten bool  // it must not be stored; under the cache's lock
}

func newFlight() *flight {
	return &flight{ready: make(chan struct{}), changed: make(chan struct{}), users: 1}
}

// settle sets how the upstream answered.
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

// finish ends a flight. err says why the file isn't whole, storeErr why a whole file isn't
// stored.
func (f *flight) finish(err, storeErr error) {
	f.update(func() { f.done, f.err, f.storeErr = true, err, storeErr })
}

// join makes the caller a user of the flight, who must call leave.
func (f *flight) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users++
}

// leave ends the use of the file. The last user closes it.
func (f *flight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users--
	if f.users == 0 && f.file != nil {
		f.file.Close()
	}
}

// await waits until there is something to read at the offset, and returns the number of
// bytes. At the end of the whole file it returns io.EOF, after a broken download
// errBroken.
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

// A tail reads the file of a flight while it grows. With a known size it can seek, so that
// ranges are served before all of the file is there.
type tail struct {
	ctx context.Context
	f   *flight
	at  int64
	err error // the first error other than io.EOF
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
