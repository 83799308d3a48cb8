package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
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
	revBytes      = 8
)

// boltStore is a Store in one bbolt file. A single goroutine writes, see
// writer; readers use bbolt's snapshots and never wait for it.
type boltStore struct {
	path    string
	history *history
	// acknowledged is the latest revision that a caller got.
	acknowledged atomic.Uint64

	dbMu       sync.RWMutex // of db, opened and the file's name; Compact replaces them, in the writer
	db         *bbolt.DB
	file       *os.File    // the file that bbolt has open
	opened     os.FileInfo // the file, as it was opened
	swaps      chan *swap
	compacting sync.Mutex
	closers    sync.WaitGroup // of the files that Compact has replaced

	reqs       chan *request
	closing    chan struct{} // closed by Close: the writer ends
	failed     chan struct{} // closed once bbolt has panicked: see guarded
	failOnce   sync.Once
	writerDone chan struct{} // closed by the writer when it has ended
	closeOnce  sync.Once
	closeErr   error

	// Of the writer alone.
	rev    uint64
	broken error // set when the disk can't be trusted any more
}

type boltOptions struct {
	lockTimeout    time.Duration
	historyChanges int
	historyBytes   int
	mustExist      bool
	migrations     []migration
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

// MustExist makes OpenBolt return ErrMissing, and make nothing, where there is no file or
// one to which nothing was ever written.
func MustExist() BoltOption { return func(o *boltOptions) { o.mustExist = true } }

// OpenBolt opens the store in the file at path, mode 0600, and creates it when
// it does not exist; its folder must exist. One process at a time may have it open: another
// gets ErrLocked. All changes acknowledged before a crash are there.
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
	o := boltOptions{lockTimeout: time.Second, historyChanges: 8192, historyBytes: 16 << 20, migrations: migrations()}
	for _, opt := range opts {
		opt(&o)
	}
	if st, err := os.Stat(path); o.mustExist && (errors.Is(err, fs.ErrNotExist) || err == nil && st.Size() == 0) {
		return nil, fmt.Errorf("open store %s: %w", path, ErrMissing)
	}
	db, file, err := openFile(path, o.lockTimeout)
	if err != nil {
		return nil, err
	}
	var rev uint64
	var opened os.FileInfo
	err = guard(func() (err error) {
		if rev, err = prepare(db, o); err == nil {
			opened, err = file.Stat()
		}
		return err
	})
	switch {
	case errors.Is(err, ErrDamaged): // bbolt may have panicked, and then would wait for itself
		return nil, errors.Join(openError(path, err), abandon(file))
	case err != nil:
		return nil, errors.Join(openError(path, err), db.Close())
	}
	if err := removeStale(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), db.Close())
	}
	s := &boltStore{
		path:       path,
		db:         db,
		file:       file,
		opened:     opened,
		swaps:      make(chan *swap),
		history:    newHistory(rev, o.historyChanges, o.historyBytes),
		reqs:       make(chan *request, maxBatch),
		closing:    make(chan struct{}),
		failed:     make(chan struct{}),
		writerDone: make(chan struct{}),
		rev:        rev,
	}
	s.acknowledged.Store(rev)
	return s, nil
}

// openError says what is wrong with a file, and what to do about it.
func openError(path string, err error) error {
	if errors.Is(err, ErrDamaged) {
		return fmt.Errorf("open store %s: %w: move it away, and restore it from a backup if there is one", path, err)
	}
	return fmt.Errorf("open store %s: %w", path, err)
}

// openFile opens or creates the database and keeps others out of it.
func openFile(path string, lockTimeout time.Duration) (*bbolt.DB, *os.File, error) {
	if err := checkSize(path); err != nil {
		return nil, nil, err
	}
	db, file, err := openBbolt(path, lockTimeout)
	switch {
	case errors.Is(err, ErrDamaged):
		return nil, nil, openError(path, err)
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, nil, fmt.Errorf("open store %s: %w: stop that one, or give this one a state folder of its own", path, ErrLocked)
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum), errors.Is(err, bbolterrors.ErrVersionMismatch):
		return nil, nil, openError(path, fmt.Errorf("%w (%w)", ErrDamaged, err))
	case errors.Is(err, os.ErrPermission):
		return nil, nil, fmt.Errorf("open store %s: %w: run rackhand as root", path, err)
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrExist):
		return nil, nil, fmt.Errorf("open store: %w", err) // names the path itself
	case err != nil && file == nil:
		return nil, nil, fmt.Errorf("open store %s: %w", path, err)
	case err != nil: // too small for bbolt's first pages, or what it can't map
		return nil, nil, openError(path, fmt.Errorf("%w (%w)", ErrDamaged, err))
	}
	db.AllocSize = growBy
	// The mode counts only for a file that is created; one that was copied here may be open to others.
	err = os.Chmod(path, 0o600)
	if err == nil {
		err = syncFolderOf(path)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), db.Close())
	}
	return db, file, nil
}

// openBbolt is bbolt.Open, without its panics. file is the opened file, if it got that far.
func openBbolt(path string, lockTimeout time.Duration) (db *bbolt.DB, file *os.File, err error) {
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:      max(lockTimeout, time.Millisecond), // 0 would wait forever
			FreelistType: bbolt.FreelistMapType,
			OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
				file, err = os.OpenFile(name, flag, mode)
				return file, err
			},
		})
		return err
	})
	if errors.Is(err, ErrDamaged) && file != nil {
		_ = abandon(file)
	}
	return db, file, err
}

// syncFolderOf puts a new file's directory entry on disk: syncing the file does not.
func syncFolderOf(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// prepare makes the buckets of a new file, brings an old one to the present format, and
// returns the store's revision.
func prepare(db *bbolt.DB, o boltOptions) (uint64, error) {
	isNew, err := makeBuckets(db, o)
	if err != nil {
		return 0, err
	}
	if !isNew {
		if err := migrate(db, o.migrations); err != nil {
			return 0, err
		}
	}
	var rev uint64
	err = db.View(func(tx *bbolt.Tx) error {
		var err error
		if rev, err = getRev(tx); err == nil {
			err = walk(tx)
		}
		if key, _ := tx.Bucket([]byte(bucketRecords)).Cursor().First(); err == nil && rev == 0 && key != nil {
			err = fmt.Errorf("%w: it has records and no revision", ErrDamaged)
		}
		return err
	})
	if err == nil && rev == 0 && o.mustExist {
		err = ErrMissing
	}
	return rev, err
}

// newTxID is the id of the last transaction in a file that was created and never written to:
// bbolt begins with two meta pages, of the transactions 0 and 1.
const newTxID = 1

func makeBuckets(db *bbolt.DB, o boltOptions) (isNew bool, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		first, _ := tx.Cursor().First()
		isNew = first == nil
		if isNew && tx.ID() > newTxID {
			return fmt.Errorf("%w: it holds nothing, and was written to", ErrDamaged)
		}
		if !isNew && (tx.Bucket([]byte(bucketMeta)) == nil || tx.Bucket([]byte(bucketRecords)) == nil) {
			return fmt.Errorf("%w: it holds %.40q", ErrDamaged, first)
		}
		return nil
	})
	switch {
	case err != nil || !isNew:
		return isNew, err
	case o.mustExist:
		return isNew, ErrMissing
	}
	return isNew, db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{bucketMeta, bucketRecords} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		if err := putFormat(tx, firstFormat+len(o.migrations)); err != nil {
			return err
		}
		return putRev(tx, 0)
	})
}

func getRev(tx *bbolt.Tx) (uint64, error) {
	b := tx.Bucket([]byte(bucketMeta)).Get([]byte(metaRev))
	if len(b) != revBytes {
		return 0, fmt.Errorf("%w: its revision has %d bytes instead of %d", ErrDamaged, len(b), revBytes)
	}
	return binary.BigEndian.Uint64(b), nil
}

func putRev(tx *bbolt.Tx, rev uint64) error {
	return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaRev), binary.BigEndian.AppendUint64(nil, rev))
}

// Close lets the transaction that is being written finish, refuses those that
// wait (ErrClosed, not written), ends every watch and closes the file. Closing
// again does nothing. A file that was found damaged is left as it is.
func (s *boltStore) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		select {
		case <-s.writerDone:
		case <-s.failed: // it may wait for a lock forever
		}
		s.history.close()
		if s.closeErr = s.guarded(s.handle().Close); errors.Is(s.closeErr, ErrDamaged) {
			_ = abandon(s.file)
		}
		s.closers.Wait()
	})
	return s.closeErr
}
