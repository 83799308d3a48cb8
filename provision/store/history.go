package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
)

// A history keeps the latest changes in memory, and every watcher reads it at
// its own pace by position. So a slow watcher costs no memory of its own and
// never holds up the writer: it falls out of the history and is closed.
type history struct {
	maxChanges, maxBytes int
	closed               chan struct{}

	mu      sync.Mutex
	changes []Change
	bytes   int
	first   uint64 // position of changes[0], counted since the store was opened
	// compacted is the latest revision whose changes are no longer kept.
	compacted uint64
	wake      chan struct{} // closed and replaced when changes arrive
}

func newHistory(rev uint64, maxChanges, maxBytes int) *history {
	return &history{
		maxChanges: max(maxChanges, 1),
		maxBytes:   maxBytes,
		closed:     make(chan struct{}),
		compacted:  rev,
		wake:       make(chan struct{}),
	}
}

// close ends every watch. It is called once.
func (h *history) close() { close(h.closed) }

// publish adds changes that are on disk, in order, and wakes the watchers.
func (h *history) publish(changes []Change) {
	if len(changes) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes = append(h.changes, changes...)
	for _, c := range changes {
		h.bytes += len(c.Key) + len(c.Value)
	}
	drop := 0
	for len(h.changes)-drop > h.maxChanges || (h.bytes > h.maxBytes && drop < len(h.changes)) {
		h.bytes -= len(h.changes[drop].Key) + len(h.changes[drop].Value)
		drop++
	}
	if drop > 0 {
		h.compacted = h.changes[drop-1].Rev
		h.first += uint64(drop)
		h.changes = slices.Delete(h.changes, 0, drop) // clears what it leaves behind
	}
	close(h.wake)
	h.wake = make(chan struct{})
}

// start is the position of the first change after revision after.
func (h *history) start(after uint64) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if after < h.compacted {
		return 0, fmt.Errorf("%w: changes after %d were asked for, those after %d are kept: list again", ErrCompacted, after, h.compacted)
	}
	i := sort.Search(len(h.changes), func(i int) bool { return h.changes[i].Rev > after })
	return h.first + uint64(i), nil
}

// read returns some of the watcher's changes from position at on, and the next position.
// Without further changes it returns a channel to wait for. ok is false when the watcher is
// too slow.
func (h *history) read(at uint64, prefix string, after uint64) (found []Change, next uint64, wait <-chan struct{}, ok bool) {
	const some = 64
	h.mu.Lock()
	defer h.mu.Unlock()
	if at < h.first {
		return nil, at, nil, false
	}
	for i := at - h.first; i < uint64(len(h.changes)); i++ {
		at++
		// after counts here too: a list may have read a transaction that is on
		// disk and not yet published.
		if c := h.changes[i]; c.Rev > after && strings.HasPrefix(c.Key, prefix) {
			found = append(found, c)
			if len(found) == some {
				return found, at, nil, true
			}
		}
	}
	return found, at, h.wake, true
}

// Watch sends the changes under prefix after revision after.
func (s *boltStore) Watch(ctx context.Context, prefix string, after uint64) (<-chan Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-s.closing:
		return nil, ErrClosed
	default:
	}
	at, err := s.history.start(after)
	if err != nil {
		return nil, err
	}
	ch := make(chan Change)
	go func() {
		defer close(ch)
		s.history.follow(ctx, ch, at, prefix, after)
	}()
	return ch, nil
}

// follow feeds one watcher until its context ends, the store closes, or it has
// fallen out of the history.
func (h *history) follow(ctx context.Context, ch chan<- Change, at uint64, prefix string, after uint64) {
	for {
		found, next, wait, ok := h.read(at, prefix, after)
		if !ok {
			return
		}
		at = next
		for _, c := range found {
			c.Value = bytes.Clone(c.Value) // each watcher owns what it gets
			select {
			case ch <- c:
			case <-ctx.Done():
				return
			case <-h.closed:
				return
			}
		}
		if wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return
		case <-h.closed:
			return
		}
	}
}
