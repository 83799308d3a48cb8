package intake

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Why a body is not read.
var (
	ErrTooLarge = errors.New("the body is larger than may be sent")
	// ErrBusy: too many are being read, of all hosts or of this one. It may be sent again.
	ErrBusy = errors.New("too many large bodies are being read")
)

const (
	// small is up to what size a body is read before it is asked whether there is room.
	small = 64 << 10
	// smallAtOnce and largeAtOnce are how many may be decoded, and large ones read, at once.
	smallAtOnce = 64
	largeAtOnce = 4
	// patience is how long a body waits for room, and large the time that its sender has to
	// send the rest of it. Who is slower must not keep others out.
	patience = 5 * time.Second
	large    = 20 * time.Second
)

// Bodies are the bodies of requests that are in memory. There are a few large ones at a
// time, and one of a host; small ones, which most are, don't wait for those.
type Bodies struct {
	small, large *semaphore.Weighted

	mu   sync.Mutex
	busy map[string]bool // hosts of which a large one is in memory
}

// NewBodies makes room for bodies.
func NewBodies() *Bodies {
	return &Bodies{small: semaphore.NewWeighted(smallAtOnce), large: semaphore.NewWeighted(largeAtOnce), busy: map[string]bool{}}
}

// Read reads a host's body, of at most limit bytes. deadline sets when the sender must have sent it. release must
// be called once nothing of it is needed in memory; it is never nil.
func (b *Bodies) Read(ctx context.Context, host string, limit int64, body io.Reader, deadline func(time.Time) error) (read []byte, release func(), err error) {
	read, err = io.ReadAll(io.LimitReader(body, min(small, limit)+1))
	switch size := int64(len(read)); {
	case err != nil:
		return nil, func() {}, err
	case size <= min(small, limit):
		release, err = room(ctx, b.small)
		return read, release, err
	case limit <= small:
		return nil, func() {}, ErrTooLarge
	case !b.enter(host):
		return nil, func() {}, ErrBusy
	}
	leave, err := room(ctx, b.large)
	release = sync.OnceFunc(func() { leave(); b.leave(host) })
	if err == nil {
		err = deadline(time.Now().Add(large)) // the kernel's, so by the real clock
	}
	if err == nil {
		read, err = appendAll(append(make([]byte, 0, 2*small), read...), io.LimitReader(body, limit+1-int64(len(read))))
	}
	if err == nil && int64(len(read)) > limit {
		err = ErrTooLarge
	}
	if err != nil {
		release()
		return nil, release, err
	}
	return read, release, nil
}

// room waits for a place, and returns what gives it back.
func room(ctx context.Context, s *semaphore.Weighted) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if s.Acquire(ctx, 1) != nil {
		return func() {}, ErrBusy
	}
	return sync.OnceFunc(func() { s.Release(1) }), nil
}

func (b *Bodies) enter(host string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy[host] {
		return false
	}
	b.busy[host] = true
	return true
}

func (b *Bodies) leave(host string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.busy, host)
}

// appendAll is io.ReadAll into a slice that has something already.
func appendAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
