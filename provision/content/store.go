// Package content keeps copies of the inventory's files by SHA-256. A copy doesn't change when
// the operator edits its file.
package content

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrTooLarge: a content is larger than the store accepts.
var ErrTooLarge = errors.New("too large")

// A Store is a folder of contents, each in a file named by its SHA-256 in hex. It may be used
// by several goroutines.
type Store struct {
	dir       string
	most, all int64
	clock     func() time.Time

	adding sync.Mutex // held while a file is taken in, which may take a while

	mu   sync.Mutex
	size map[string]int64 // of those that were verified by this process, in bytes
	// known are the hashes of files that haven't changed since.
	known map[identity]Content
}

// A Content is named by its SHA-256, in hex; Size is in bytes.
type Content struct {
	SHA256 string
	Size   int64
}

// identity changes whenever a file's content does: ctime can't be set.
type identity struct {
	dev, ino    uint64
	size        int64
	mtime, ctim syscall.Timespec
}

const part = ".part-" // how the names of unfinished copies begin

// Open opens a store. most is the size of the largest content that it takes, and all that of
// all contents together, in bytes. A content that is in the folder already counts once it was
// verified.
func Open(dir string, most, all int64, clock func() time.Time) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of contents: %w", err)
	}
	s := &Store{dir: dir, most: most, all: all, clock: clock, size: map[string]int64{}, known: map[identity]Content{}}
	return s, s.each(func(name string) bool { return strings.HasPrefix(name, part) })
}

// each removes the files of the folder that drop wants removed.
func (s *Store) each(drop func(name string) bool) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if drop(e.Name()) && e.Type().IsRegular() {
			err = errors.Join(err, os.Remove(s.path(e.Name())))
		}
	}
	return err
}

func (s *Store) path(sum string) string { return filepath.Join(s.dir, sum) }

// Path is the path of a content's file.
func (s *Store) Path(sum string) string { return s.path(sum) }

// Add takes in a file as it is now. A copy is made first and hashed then, so that an edit
// meanwhile can't part the name from the bytes.
func (s *Store) Add(f *os.File) (Content, error) {
	s.adding.Lock()
	defer s.adding.Unlock()
	id, settled, err := s.identify(f)
	if err != nil {
		return Content{}, err
	}
	s.mu.Lock()
	c, ok := s.known[id]
	ok = ok && s.has(c)
	used := int64(0)
	for _, n := range s.size {
		used += n
	}
	s.mu.Unlock()
	if ok {
		return c, nil
	}
	if id.size > s.most {
		return Content{}, fmt.Errorf("%w: it has %d bytes, at most %d are delivered", ErrTooLarge, id.size, s.most)
	}
	if used+id.size > s.all {
		return Content{}, fmt.Errorf("%w: with it, the contents of all roles have more than %d bytes", ErrTooLarge, s.all)
	}
	if c, err = s.take(f); err != nil {
		return Content{}, fmt.Errorf("keeping a copy: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size[c.SHA256] = c.Size
	if settled {
		s.known[id] = c
	}
	return c, nil
}

// has reports whether a content that was verified is still there.
func (s *Store) has(c Content) bool {
	if _, ok := s.size[c.SHA256]; !ok {
		return false
	}
	st, err := os.Stat(s.path(c.SHA256))
	return err == nil && st.Size() == c.Size
}

func (s *Store) take(f *os.File) (c Content, err error) {
	out, err := os.CreateTemp(s.dir, part)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, out.Close(), gone(os.Remove(out.Name()))) }()
	// The kernel copies, or shares the blocks.
	if _, err := io.Copy(out, io.LimitReader(f, s.most+1)); err != nil {
		return c, err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	h := sha256.New()
	if c.Size, err = io.Copy(h, out); err != nil {
		return c, err
	}
	if c.Size > s.most {
		return c, ErrTooLarge
	}
	if err := out.Sync(); err != nil {
		return c, err
	}
	c.SHA256 = hex.EncodeToString(h.Sum(nil))
	return c, os.Rename(out.Name(), s.path(c.SHA256))
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Sum is the name of a file's content; nothing is kept.
func Sum(f *os.File, most int64) (Content, error) {
	h := sha256.New()
	st, err := f.Stat()
	if err != nil {
		return Content{}, err
	}
	n := st.Size()
	if n <= most {
		n, err = io.Copy(h, io.LimitReader(f, most+1))
	}
	if err == nil && n > most {
		err = fmt.Errorf("%w: it has more than %d bytes, which is the most that is delivered", ErrTooLarge, most)
	}
	return Content{hex.EncodeToString(h.Sum(nil)), n}, err
}

// identify returns the identity of a file's current content. settled: the last change was
// long enough ago that the next one gets another time stamp.
func (s *Store) identify(f *os.File) (id identity, settled bool, err error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return id, false, err
	}
	id = identity{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}
	return id, s.clock().Sub(time.Unix(st.Ctim.Unix())) > 2*time.Second, nil
}

// Open opens a content that the store has.
func (s *Store) Open(sum string) (*os.File, error) {
	s.mu.Lock()
	_, ok := s.size[sum]
	s.mu.Unlock()
	if !ok {
		return nil, fs.ErrNotExist
	}
	return os.Open(s.path(sum))
}

// Retain removes all contents but those that keep names.
func (s *Store) Retain(keep map[string]bool) error {
	s.adding.Lock()
	defer s.adding.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.known, func(_ identity, c Content) bool { return !keep[c.SHA256] })
	return s.each(func(name string) bool {
		if keep[name] || strings.HasPrefix(name, part) {
			return false
		}
		delete(s.size, name)
		return true
	})
}
