package intake

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Reasons why a body is not read.
var (
	ErrTooLarge = errors.New("the body is larger than the limit")
	// ErrBusy: too many bodies are being read, of all hosts or of this one. The host may
	// send it again.
	ErrBusy = errors.New("too many large bodies are being read")
)

const (
	// small is the size up to which a body is read before a slot for large ones is needed.
	small = 64 << 10
	// smallAtOnce bounds the small bodies that are decoded at once, and largeAtOnce the
	// large ones that are read at once.
	smallAtOnce = 64
	largeAtOnce = 4
	// slotWait is how long a body waits for a slot, and sendTime how long its sender may
	// take to send the rest of it. A slow sender must not keep others out.
	slotWait = 5 * time.Second
	sendTime = 20 * time.Second
)

// Bodies bounds the request bodies that are in memory: a few large ones at a time, and one
// for each host. Small ones, which most are, don't wait for those.
type Bodies struct {
	small, large *semaphore.Weighted

	mu   sync.Mutex
	busy map[string]bool // hosts with a large body in memory
}

// NewBodies makes a Bodies without any body.
func NewBodies() *Bodies {
	return &Bodies{small: semaphore.NewWeighted(smallAtOnce), large: semaphore.NewWeighted(largeAtOnce), busy: map[string]bool{}}
}

// Read reads a host's body, of at most limit bytes. deadline sets the time until which the
// sender must have sent it. Call release, which is never nil, once the body is no longer in
// memory.
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
		err = deadline(time.Now().Add(sendTime)) // a deadline of the kernel, so it uses the real clock
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

// room waits for a slot, and returns the function that frees it.
func room(ctx context.Context, s *semaphore.Weighted) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, slotWait)
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

// appendAll is io.ReadAll, but appends to a slice.
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
