package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// The file's layout. Bucket records: key -> 8 bytes of revision, big-endian,
// then the value. Bucket meta: "format" -> one byte, "rev" -> the store's
// revision, 8 bytes big-endian.
const (
	bucketRecords = "records"
	bucketMeta    = "meta"
	metaFormat    = "format"
	metaRev       = "rev"
	format        = 1
	revBytes      = 8
)

// boltStore is a Store in one bbolt file. A single goroutine writes, see
// writer; readers use bbolt's snapshots and never wait for it.
type boltStore struct {
	path    string
	history *history

	dbMu       sync.RWMutex // of db, which Compact replaces; the writer alone does so
	db         *bbolt.DB
	swaps      chan *swap
	compacting sync.Mutex
	closers    sync.WaitGroup // of the files that Compact has replaced

	reqs       chan *request
	closing    chan struct{} // closed by Close: the writer ends
	writerDone chan struct{} // closed by the writer when it has ended
	closeOnce  sync.Once
	closeErr   error

	// Of the writer alone.
	rev    uint64
	broken error // set when the disk no longer tells the truth
}

type boltOptions struct {
	lockTimeout    time.Duration
	historyChanges int
	historyBytes   int
}

// A BoltOption changes how OpenBolt opens.
type BoltOption func(*boltOptions)

// LockTimeout is how long OpenBolt waits for another process to let go of the
// file before it returns ErrLocked; 1 s unless given.
func LockTimeout(d time.Duration) BoltOption {
	return func(o *boltOptions) { o.lockTimeout = d }
}

// History is how many changes are kept in memory for watchers that begin in the
// past or fall behind; 8192 (and at most 16 MiB of values) unless given.
func History(changes int) BoltOption {
	return func(o *boltOptions) { o.historyChanges = changes }
}

// OpenBolt opens the store in the file at path, mode 0600, and creates it when
// it does not exist; its folder must exist. One process at a time may have it
// open: another gets ErrLocked. What was acknowledged before a crash is there.
//
// Changes made before OpenBolt are not kept for Watch: it returns ErrCompacted
// for them.
func OpenBolt(path string, opts ...BoltOption) (Store, error) {
	s, err := open(path, opts...)
	if err != nil {
		return nil, err
	}
	go s.writer()
	return s, nil
}

// open is OpenBolt without the writer, which a test may want to be itself.
func open(path string, opts ...BoltOption) (*boltStore, error) {
	o := boltOptions{lockTimeout: time.Second, historyChanges: 8192, historyBytes: 16 << 20}
	for _, opt := range opts {
		opt(&o)
	}
	db, err := openFile(path, o.lockTimeout)
	if err != nil {
		return nil, err
	}
	rev, err := prepare(db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), db.Close())
	}
	if err := removeStale(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), db.Close())
	}
	return &boltStore{
		path:       path,
		db:         db,
		swaps:      make(chan *swap),
		history:    newHistory(rev, o.historyChanges, o.historyBytes),
		reqs:       make(chan *request, maxBatch),
		closing:    make(chan struct{}),
		writerDone: make(chan struct{}),
		rev:        rev,
	}, nil
}

// openFile opens or creates the database and keeps others out of it.
func openFile(path string, lockTimeout time.Duration) (*bbolt.DB, error) {
	// Timeout 0 would wait for ever.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:      max(lockTimeout, time.Millisecond),
		FreelistType: bbolt.FreelistMapType,
	})
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, fmt.Errorf("open store %s: %w: stop that one, or give this one a state folder of its own", path, ErrLocked)
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum), errors.Is(err, bbolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("open store %s: it is not a database that rackhand wrote, or it is damaged (%w): move it away, and restore it from a backup if there is one", path, err)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("open store %s: %w: run rackhand as root", path, err)
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrExist):
		return nil, fmt.Errorf("open store: %w", err) // names the path itself
	case err != nil:
		return nil, fmt.Errorf("open store %s: %w: move it away, and restore it from a backup if there is one", path, err)
	}
	db.AllocSize = growBy
	// The mode counts only for a file that is created; one that was copied here may be open to others.
	err = os.Chmod(path, 0o600)
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), db.Close())
	}
	return db, nil
}

// syncDir puts a new file's directory entry on disk: syncing the file does not.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// prepare makes the buckets of a new file, checks the format of an old one, and
// returns the store's revision.
func prepare(db *bbolt.DB) (uint64, error) {
	var rev uint64
	err := db.Update(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte(bucketMeta)) == nil {
			meta, err := tx.CreateBucket([]byte(bucketMeta))
			if err != nil {
				return err
			}
			if _, err := tx.CreateBucket([]byte(bucketRecords)); err != nil {
				return err
			}
			if err := meta.Put([]byte(metaFormat), []byte{format}); err != nil {
				return err
			}
			return putRev(tx, 0)
		}
		f := tx.Bucket([]byte(bucketMeta)).Get([]byte(metaFormat))
		if len(f) != 1 || f[0] != format || tx.Bucket([]byte(bucketRecords)) == nil {
			return fmt.Errorf("its format is %x, this rackhand reads %02x: use the version that wrote it", f, format)
		}
		var err error
		rev, err = getRev(tx)
		return err
	})
	return rev, err
}

func getRev(tx *bbolt.Tx) (uint64, error) {
	b := tx.Bucket([]byte(bucketMeta)).Get([]byte(metaRev))
	if len(b) != revBytes {
		return 0, fmt.Errorf("the store's revision has %d bytes instead of %d: the file is damaged", len(b), revBytes)
	}
	return binary.BigEndian.Uint64(b), nil
}

func putRev(tx *bbolt.Tx, rev uint64) error {
	return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaRev), binary.BigEndian.AppendUint64(nil, rev))
}

// Close lets the transaction that is being written finish, refuses those that
// wait (ErrClosed, not written), ends every watch and closes the file. Closing
// again does nothing.
func (s *boltStore) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		<-s.writerDone
		s.history.close()
		s.closeErr = s.handle().Close()
		s.closers.Wait()
	})
	return s.closeErr
}
