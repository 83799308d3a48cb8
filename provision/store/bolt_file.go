package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

var (
	// ErrMissing: the file of a store that must exist isn't there, or nothing was ever
	// written to it.
	ErrMissing = errors.New("there is no database")
	// ErrDamaged: the file is cut off, or its pages don't hang together.
	ErrDamaged = errors.New("it is not a database that rackhand wrote, or it is damaged")
	// ErrNewer: a later version of rackhand wrote the file.
	ErrNewer = errors.New("a later version of rackhand wrote it")
	// ErrLost: the file was deleted, replaced or written over since it was opened.
	ErrLost = errors.New("the database is no longer the file that was opened")
)

// bbolt's meta pages: a page header of 16 bytes, then magic, version, page size and flags
// (4 bytes each), the root bucket (16), the freelist's page, the number of pages, the
// transaction's number and a checksum (8 each), in the processor's byte order
// (go.etcd.io/bbolt/internal/common, Page and Meta).
const (
	pageHeader = 16
	metaBytes  = 64
	metaSummed = metaBytes - 8
	boltMagic  = 0xED0CDAED
)

// checkSize compares the file's size with the number of pages that its latest meta page
// names. bbolt maps the file into memory, where a page behind the file's end kills the
// process. bbolt itself refuses a file without a valid meta page.
func checkSize(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	defer f.Close()
	return checkFile(path, f)
}

// A sizedFile is the part of *os.File that these functions use.
type sizedFile interface {
	io.ReaderAt
	Stat() (fs.FileInfo, error)
}

// checkFile is checkSize of a file that is open. Its size is asked for last: a writer may
// let it grow meanwhile, and writes the meta page after that.
func checkFile(path string, f sizedFile) error {
	// The second meta page lies at the page size, which the first one holds. If the first one
	// is damaged, the second is searched where bbolt searches it.
	latest, want, pageSize := readMeta(f, 0)
	if pageSize > 0 {
		if txid, size, valid := readMeta(f, int64(pageSize)); valid > 0 && txid > latest {
			want = size
		}
	}
	for at := int64(1024); pageSize == 0 && at <= 1024<<14; at *= 2 {
		_, want, pageSize = readMeta(f, at)
	}
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	if size := uint64(st.Size()); !st.IsDir() && size > 0 && size < want {
		return fmt.Errorf("open store %s: %w: it has %d bytes and should have at least %d, so it was cut off: move it away, and restore it from a backup if there is one", path, ErrDamaged, size, want)
	}
	return nil
}

// readMeta reads the meta page at an offset: its transaction's number, how many bytes the
// file has by it, and the size of a page, 0 when there is no valid meta page.
func readMeta(r io.ReaderAt, at int64) (txid, size, pageSize uint64) {
	var b [pageHeader + metaBytes]byte
	if _, err := r.ReadAt(b[:], at); err != nil {
		return 0, 0, 0
	}
	m, order := b[pageHeader:], binary.NativeEndian
	sum := fnv.New64a()
	_, _ = sum.Write(m[:metaSummed])
	if order.Uint32(m) != boltMagic || order.Uint64(m[metaSummed:]) != sum.Sum64() {
		return 0, 0, 0
	}
	pageSize, pages := uint64(order.Uint32(m[8:])), order.Uint64(m[40:])
	if pages > 1<<40 {
		return 0, 0, 0
	}
	return order.Uint64(m[48:]), pageSize * pages, pageSize
}

// guard turns a panic of bbolt's into an error. A page that is damaged makes it panic, or
// read outside of the file, which is a fault of memory.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w (%.200v)", ErrDamaged, r)
		}
	}()
	return f()
}

// errFailed is a store's error once bbolt has panicked.
var errFailed = fmt.Errorf("%w: stop rackhand, and restore it from a backup", ErrDamaged)

// guarded calls bbolt, and never again once it has panicked: that leaves its locks behind,
// and a caller that needs one would wait forever.
func (s *boltStore) guarded(f func() error) error {
	select {
	case <-s.failed:
		return errFailed
	default:
	}
	var panicked bool
	err := guard(func() error {
		panicked = true
		err := f()
		panicked = false
		return err
	})
	if panicked {
		s.failOnce.Do(func() { close(s.failed) })
	}
	return err
}

// abandon closes a file that bbolt has left open, and mapped: the mapping would hold its
// lock.
func abandon(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

// walk reads every record, so that a damaged page is found at the start and not when a
// box asks for it.
func walk(tx *bbolt.Tx) error {
	var last []byte
	return tx.Bucket([]byte(bucketRecords)).ForEach(func(k, v []byte) error {
		if last != nil && bytes.Compare(last, k) >= 0 {
			return fmt.Errorf("%w: the record %.80q comes after %.80q", ErrDamaged, k, last)
		}
		last = k
		_, err := decode(k, v)
		return err
	})
}

// Verify reports whether what a store acknowledged is still where it will be looked for
// after a restart; the error is ErrLost. Stores that keep no file always say yes.
func Verify(s Store) error {
	if b, ok := s.(*boltStore); ok {
		return b.verify()
	}
	return nil
}

func (s *boltStore) verify() error {
	path := s.path
	s.dbMu.RLock() // Compact gives another file that name
	now, err := os.Stat(path)
	same, opened := err == nil && os.SameFile(now, s.opened), s.file
	s.dbMu.RUnlock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s was deleted or moved away", ErrLost, path)
	case err != nil:
		return nil // the folder can't be looked into just now: that says nothing of the file
	case !same:
		return fmt.Errorf("%w: another file was put in the place of %s", ErrLost, path)
	}
	// Any other error says nothing of the file: Compact has closed it in this moment.
	if err := checkFile(path, opened); errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	acknowledged := s.acknowledged.Load()
	var rev uint64
	err = s.view(context.Background(), func(tx *bbolt.Tx) (err error) {
		rev, err = getRev(tx)
		return err
	})
	if errors.Is(err, ErrDamaged) || err == nil && rev < acknowledged {
		return fmt.Errorf("%w: %s was written over", ErrLost, path)
	}
	return nil
}

// Rescue writes an open store's content to a new file beside it, even if its own file is
// lost, and returns the new file's path.
func Rescue(s Store) (string, error) {
	b, ok := s.(*boltStore)
	if !ok {
		return "", errors.New("this store keeps no file")
	}
	path := b.path + ".rescued"
	db := b.handle()
	return path, b.guarded(func() error { return backup(db, path) })
}

// InUse reports whether an appliance has an open database file open: bbolt holds its lock as
// long as the database is open. If none has, it can't be opened until f is closed.
func InUse(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return false, nil
}

// Copy writes a consistent copy of an open store to a new file, which is on disk when it
// returns. Readers and writers go on meanwhile.
func Copy(s Store, path string) error {
	b, ok := s.(*boltStore)
	if !ok {
		return errors.New("this store keeps no file")
	}
	b.compacting.Lock() // the database would be closed under the copy
	defer b.compacting.Unlock()
	db := b.handle()
	return b.guarded(func() error { return backup(db, path) })
}

// backup writes a copy of an open database, on disk when it returns. It reads the memory
// that bbolt has mapped: the file's name may lead to another file by now, or to none.
func backup(db *bbolt.DB, path string) error {
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // of a copy that was broken off
	}
	to, err := bbolt.Open(part, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	err = db.View(func(tx *bbolt.Tx) error { return copyAll(context.Background(), to, tx) })
	if err = errors.Join(err, to.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return syncFolderOf(path)
}
