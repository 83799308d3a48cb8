package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// Bounds of a batch, the transactions that share one sync. A batch fits several
// times into the history, so that it alone can't push out a watcher that keeps pace.
const (
	maxBatch    = 128  // transactions
	maxBatchOps = 1024 // operations, but for the transaction that crosses the line
	// Likewise bytes.
	maxBatchBytes = 4 << 20
)

// fill is how full a page stays when it is split. Most records are events, whose keys come
// in order: bbolt's usual half would leave half of the file empty.
const fill = 0.9

// A request is a transaction on its way to the writer.
type request struct {
	conds []Cond
	ops   []write
	size  int

	// claimed is set by the goroutine that decides about the request: the writer when it
	// begins, or the waiter when it gives up before that.
	claimed atomic.Bool
	// done is closed once rev and err stand.
	done chan struct{}
	rev  uint64
	err  error
}

// A write is an Op with its record already laid out: revBytes of room, then the value.
type write struct {
	key    string
	raw    []byte
	delete bool
}

// newRequest copies what the caller gave: the caller may go away while the
// writer still works on it.
func newRequest(conds []Cond, ops []Op) *request {
	r := &request{conds: append([]Cond(nil), conds...), done: make(chan struct{})}
	for _, op := range ops {
		w := write{key: op.Key, delete: op.Delete}
		if !op.Delete {
			w.raw = append(make([]byte, revBytes, revBytes+len(op.Value)), op.Value...)
		}
		r.ops = append(r.ops, w)
		r.size += len(op.Key) + len(w.raw)
	}
	return r
}

// Txn hands the transaction to the writer and waits. A transaction without
// operations only checks its conditions, and returns the store's revision.
//
// When ctx ends first, the error is the context's alone if the writer has not
// begun (nothing was or will be written), and ErrUnknown as well if it has.
func (s *boltStore) Txn(ctx context.Context, conds []Cond, ops ...Op) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := checkTxn(conds, ops); err != nil {
		return 0, err
	}
	r := newRequest(conds, ops)
	select {
	case <-s.closing: // the next select chooses at random
		return 0, ErrClosed
	default:
	}
	select {
	case s.reqs <- r:
	case <-s.failed:
		return 0, fmt.Errorf("write to the store: %w", errFailed)
	case <-s.closing:
		return 0, ErrClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case <-r.done:
	case <-s.failed:
		return 0, fmt.Errorf("%w: write to the store: %w", ErrUnknown, errFailed)
	case <-s.writerDone:
		if r.claimed.CompareAndSwap(false, true) {
			return 0, ErrClosed
		}
		<-r.done // the writer answers all that it claimed before it ends
	case <-ctx.Done():
		if r.claimed.CompareAndSwap(false, true) {
			return 0, ctx.Err()
		}
		select {
		case <-r.done: // just in time
		default:
			return 0, fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
		}
	}
	return r.rev, r.err
}

// writer is the one goroutine that writes: it takes all transactions that wait
// into one bbolt transaction, which costs one sync for them all.
func (s *boltStore) writer() {
	defer close(s.writerDone)
	for {
		select {
		case <-s.closing:
			return
		case r := <-s.reqs:
			s.write(s.gather(r))
		case w := <-s.swaps:
			w.done <- s.swapTo(w.db, w.file)
		}
	}
}

// gather takes the requests that already wait, up to the bounds of a batch.
func (s *boltStore) gather(first *request) []*request {
	var batch []*request
	ops, size := 0, 0
	for r := first; ; {
		if r.claimed.CompareAndSwap(false, true) {
			batch = append(batch, r)
			ops += len(r.ops)
			size += r.size
		}
		if len(batch) >= maxBatch || ops >= maxBatchOps || size >= maxBatchBytes {
			return batch
		}
		select {
		case r = <-s.reqs:
		default:
			return batch
		}
	}
}

// write carries a batch out, then notifies the watchers, and then the waiters.
func (s *boltStore) write(batch []*request) {
	if len(batch) == 0 {
		return
	}
	var changes []Change
	err := s.guarded(func() (err error) { changes, err = s.commit(batch); return err })
	if err != nil {
		for _, r := range batch {
			r.rev, r.err = 0, err
		}
	}
	s.history.publish(changes)
	for _, r := range batch {
		close(r.done)
	}
}

// commit applies each request whose conditions hold, in one bbolt transaction.
// An error is every request's: also a conflict may come from a write of the same
// batch that did not happen.
func (s *boltStore) commit(batch []*request) ([]Change, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		return nil, fmt.Errorf("write to the store: %w", err)
	}
	rev := s.rev
	if found, err := getRev(tx); err != nil || found != rev {
		_ = tx.Rollback()
		s.broken = fmt.Errorf("write to the store: %w: it is at revision %d, and %d was written last: another program wrote to its file", ErrLost, found, rev)
		return nil, s.broken
	}
	var changes []Change
	for _, r := range batch {
		if r.err = holds(tx, r.conds); r.err != nil {
			continue
		}
		if len(r.ops) > 0 {
			rev++
			made, err := apply(tx, r.ops, rev)
			if err != nil {
				_ = tx.Rollback() // it returns an error only when tx is closed already
				return nil, fmt.Errorf("write to the store: %w", err)
			}
			changes = append(changes, made...)
		}
		r.rev = rev
	}
	if rev == s.rev {
		return nil, tx.Rollback() // nothing to write, nothing to sync
	}
	if err := putRev(tx, rev); err != nil {
		_ = tx.Rollback()
		return nil, fmt.Errorf("write to the store: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return nil, s.commitFailed(err)
	}
	s.rev = rev
	s.acknowledged.Store(rev)
	return changes, nil
}

// commitFailed finds out which state a failed commit left. A full disk leaves the old state,
// and writing may go on once there is room. If the new state shows although its sync failed,
// the content of the disk is unknown. A second sync would succeed without having written it.
// So the store then writes nothing more.
func (s *boltStore) commitFailed(cause error) error {
	var rev uint64
	err := s.db.View(func(tx *bbolt.Tx) (err error) {
		rev, err = getRev(tx)
		return err
	})
	if err == nil && rev == s.rev {
		return fmt.Errorf("write to the store: %w: nothing was written; is the disk full?", cause)
	}
	s.broken = fmt.Errorf("%w: the disk failed under the store (%w): look at the disk, then restart rackhand", ErrUnknown, cause)
	return s.broken
}

// holds is nil when every condition holds, otherwise ErrConflict.
func holds(tx *bbolt.Tx, conds []Cond) error {
	records := tx.Bucket([]byte(bucketRecords))
	for _, c := range conds {
		var rev uint64
		if raw := records.Get([]byte(c.Key)); raw != nil {
			rec, err := decode(nil, raw[:min(len(raw), revBytes)])
			if err != nil {
				return err
			}
			rev = rec.Rev
		}
		if rev != c.Rev {
			return fmt.Errorf("%q: %w (at revision %d, expected %d)", c.Key, ErrConflict, rev, c.Rev)
		}
	}
	return nil
}

// apply writes ops at revision rev and returns the changes they make.
func apply(tx *bbolt.Tx, ops []write, rev uint64) ([]Change, error) {
	records := tx.Bucket([]byte(bucketRecords))
	records.FillPercent = fill
	var changes []Change
	for _, op := range ops {
		key := []byte(op.key)
		if op.delete {
			if records.Get(key) == nil {
				continue // nothing there: no change to tell
			}
			if err := records.Delete(key); err != nil {
				return nil, err
			}
			changes = append(changes, Change{Record: Record{Key: op.key, Rev: rev}, Deleted: true})
			continue
		}
		binary.BigEndian.PutUint64(op.raw, rev)
		if err := records.Put(key, op.raw); err != nil {
			return nil, err
		}
		changes = append(changes, Change{Record: Record{Key: op.key, Value: op.raw[revBytes:], Rev: rev}})
	}
	return changes, nil
}
