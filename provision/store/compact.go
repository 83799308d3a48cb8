package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// A Compacter is a Store whose file keeps the space of deleted records until Compact frees
// it.
type Compacter interface {
	// Size is how large the file is, and how much of it is room that nothing uses.
	Size() Size
	// Compact writes all records into a new file and continues with that file. Readers and
	// writers go on meanwhile. Writers wait only for the last step, which adds the changes since
	// and gives the new file the old one's name. A crash at any moment leaves one of the two
	// files, and each is whole. After an error the old one is in use, unless it is ErrUnknown.
	Compact(ctx context.Context) error
}

// A Size is the size of a store's file, in bytes.
type Size struct{ File, Free int64 }

const (
	// compactSuffix is the new file's suffix until it takes the old one's name.
	compactSuffix = ".compact"
	// compactTxn bounds one transaction of the copy, in bytes.
	compactTxn = 4 << 20
	// growBy is by how many bytes a file grows that is larger: bbolt would double it first,
	// and then add 16 MiB at a time.
	growBy = 1 << 20
	// compactTries bounds the restarts of a copy. A copy restarts when more was written
	// meanwhile than the history keeps.
	compactTries = 3
)

// A swap asks the writer to go on with a new file.
type swap struct {
	db   *bbolt.DB
	file *os.File // the file that db has open
	done chan error
}

// handle is the database that readers use now.
func (s *boltStore) handle() *bbolt.DB {
	s.dbMu.RLock()
	defer s.dbMu.RUnlock()
	return s.db
}

// Written is how much a store has written: changes since it was made, and the time that writes
// took since the file was opened or compacted.
func Written(s Store) (changes uint64, took time.Duration) {
	b, ok := s.(*boltStore)
	if !ok {
		return 0, 0
	}
	_ = b.view(context.Background(), func(tx *bbolt.Tx) error {
		stats := tx.DB().Stats()
		took = stats.TxStats.GetWriteTime()
		return nil
	})
	return b.acknowledged.Load(), took
}

// Size implements Compacter.
func (s *boltStore) Size() Size {
	var size Size
	// Info panics while a writer maps a file that has grown, and after Close. No file is
	// mapped again during a transaction. Without one, no room is known to be free.
	_ = s.view(context.Background(), func(tx *bbolt.Tx) error {
		stats := tx.DB().Stats()
		size.Free = int64(stats.FreePageN+stats.PendingPageN) * int64(tx.DB().Info().PageSize)
		return nil
	})
	if st, err := os.Stat(s.path); err == nil {
		size.File = st.Size()
	}
	return size
}

// Compact implements Compacter.
func (s *boltStore) Compact(ctx context.Context) error {
	s.compacting.Lock()
	defer s.compacting.Unlock()
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.compactOnce(ctx)
		if !errors.Is(err, ErrCompacted) || try == compactTries {
			return err
		}
	}
}

func (s *boltStore) compactOnce(ctx context.Context) error {
	path := s.path + compactSuffix
	fresh, file, err := s.copyTo(ctx, path)
	if err != nil {
		return errors.Join(fmt.Errorf("compact the store %s: %w", s.path, err), removeStale(s.path))
	}
	w := &swap{db: fresh, file: file, done: make(chan error, 1)}
	select {
	case s.swaps <- w:
		err = <-w.done
	case <-s.writerDone:
		err = ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil || errors.Is(err, ErrUnknown) {
		return err
	}
	return errors.Join(fmt.Errorf("compact the store %s: %w", s.path, err), fresh.Close(), removeStale(s.path))
}

// copyTo makes the new file, with all that the store held at one moment, and syncs it: the
// writer must not wait for that.
func (s *boltStore) copyTo(ctx context.Context, path string) (fresh *bbolt.DB, file *os.File, err error) {
	if err := removeStale(s.path); err != nil {
		return nil, nil, err
	}
	fresh, file, err = openBbolt(path, time.Second)
	if err != nil {
		return nil, nil, err
	}
	fresh.NoSync = true
	fresh.AllocSize = growBy
	if err := s.view(ctx, func(tx *bbolt.Tx) error { return copyAll(ctx, fresh, tx) }); err != nil {
		return nil, nil, errors.Join(err, fresh.Close())
	}
	if err := fresh.Sync(); err != nil {
		return nil, nil, errors.Join(err, fresh.Close())
	}
	return fresh, file, nil
}

// copyAll copies the buckets. bbolt.Compact only works without writers: its last commit
// comes after its reading transaction has ended. The values still lie in pages that a writer
// may have reused by then.
func copyAll(ctx context.Context, fresh *bbolt.DB, from *bbolt.Tx) error {
	for _, name := range []string{bucketMeta, bucketRecords} {
		c := from.Bucket([]byte(name)).Cursor()
		k, v := c.First()
		for more := true; more; more = k != nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := fresh.Update(func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists([]byte(name))
				if err != nil {
					return err
				}
				b.FillPercent = fill
				for size := 0; k != nil && size < compactTxn; k, v = c.Next() {
					if err := b.Put(k, v); err != nil {
						return err
					}
					size += len(k) + len(v)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// swapTo is the writer's part: nothing is written while it runs.
func (s *boltStore) swapTo(fresh *bbolt.DB, file *os.File) error {
	if s.broken != nil {
		return s.broken
	}
	fresh.NoSync = false
	if err := s.catchUp(fresh); err != nil {
		return err
	}
	opened, err := file.Stat()
	if err != nil {
		return err
	}
	old := s.db
	s.dbMu.Lock() // Verify compares the file of that name with opened
	if err = os.Rename(fresh.Path(), s.path); err == nil {
		s.db, s.file, s.opened = fresh, file, opened
	}
	s.dbMu.Unlock()
	if err != nil {
		return err
	}
	// It waits for its readers. The writer need not wait for them.
	s.closers.Go(func() { _ = old.Close() })
	if err := syncFolderOf(s.path); err != nil {
		// After a power cut the old file may be back, without what would be written now.
		s.broken = fmt.Errorf("%w: the disk failed while the store was compacted (%w): look at the disk, then restart rackhand", ErrUnknown, err)
		return s.broken
	}
	return nil
}

// catchUp adds to the copy what was written since it was begun.
func (s *boltStore) catchUp(fresh *bbolt.DB) error {
	return fresh.Update(func(tx *bbolt.Tx) error {
		rev, err := getRev(tx)
		if err != nil {
			return err
		}
		at, err := s.history.start(rev)
		if err != nil {
			return err
		}
		for {
			changes, next, wait, ok := s.history.read(at, "", rev)
			if !ok {
				return ErrCompacted // only the writer publishes, and it is here
			}
			for _, c := range changes {
				if _, err := apply(tx, []write{{key: c.Key, raw: append(make([]byte, revBytes), c.Value...), delete: c.Deleted}}, c.Rev); err != nil {
					return err
				}
			}
			if at = next; wait != nil {
				return putRev(tx, s.rev)
			}
		}
	})
}

// removeStale removes the files that an interrupted compaction left beside a store.
func removeStale(path string) error {
	err := os.Remove(path + compactSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
