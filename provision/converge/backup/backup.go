// Package backup keeps copies of files that the agent replaces or removes, in a folder that
// only root can read. Their number and their size are bounded: the oldest go first.
package backup

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// MaxSize is the size of the largest file of which a copy is kept, in bytes.
const MaxSize = 10 << 20

// The bounds of what is kept.
const (
	maxOfFile  = 20        // copies of one file
	maxEntries = 5000      // copies of all files
	maxBytes   = 256 << 20 // of all copies
	// MaxBatch bounds the copies of one [Batch], and MaxBatchBytes their size.
	MaxBatch      = 1000
	MaxBatchBytes = 128 << 20
)

// An Entry is a copy of a file.
type Entry struct {
	ID       int       `json:"id"`
	Path     string    `json:"path"`
	Resource string    `json:"resource"` // that replaced or removed the file
	Time     time.Time `json:"time"`     // when
	Size     int64     `json:"size"`
	SHA256   string    `json:"sha256"`
	Mode     uint32    `json:"mode"` // the lower 12 bits
	UID      uint32    `json:"uid"`
	GID      uint32    `json:"gid"`
	// ACL is the value of system.posix_acl_access; nil without one.
	ACL []byte `json:"acl,omitempty"`
}

// same reports whether two copies of a file are alike.
func (e Entry) same(o Entry) bool {
	return e.Path == o.Path && e.SHA256 == o.SHA256 && e.Mode == o.Mode && e.UID == o.UID && e.GID == o.GID && string(e.ACL) == string(o.ACL)
}

// A Store keeps copies in a folder. Its caller sees to it that just one process changes it
// at a time.
type Store struct {
	Folder string
	Clock  func() time.Time
	// Bytes and Entries bound all copies: 256 MiB and 5000 when 0.
	Bytes   int64
	Entries int
}

func (s *Store) content(sum string) string { return filepath.Join(s.Folder, sum) }

// List lists the copies, the oldest first.
func (s *Store) List() ([]Entry, error) {
	i, err := s.read()
	if err != nil {
		return nil, err
	}
	return i.Entries, nil
}

// Open opens a copy for reading.
func (s *Store) Open(e Entry) (*os.File, error) {
	f, err := os.Open(s.content(e.SHA256))
	if err != nil {
		return nil, fmt.Errorf("the copy of %s: %w", e.Path, err)
	}
	return f, nil
}

// A Batch is a number of copies that are added together.
type Batch struct {
	store   *Store
	secrets map[string]bool
	added   []Entry
	bytes   int64
}

// Begin begins a batch.
func (s *Store) Begin() (*Batch, error) {
	i, err := s.writable()
	if err != nil {
		return nil, err
	}
	b := &Batch{store: s, secrets: map[string]bool{}}
	for _, name := range i.Secrets {
		b.secrets[name] = true
	}
	return b, nil
}

// Takes reports whether a copy of a file fits: it is not too large, it has held no secret, and
// the batch isn't full.
func (b *Batch) Takes(name string, size int64) bool {
	return size <= MaxSize && !b.secrets[name] && len(b.added) < MaxBatch && b.bytes+size <= MaxBatchBytes
}

// Add reads a copy. e says what there is to know beside ID, Time, Size and SHA256.
func (b *Batch) Add(e Entry, from io.Reader) (err error) {
	if err := os.MkdirAll(b.store.Folder, 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(b.store.Folder, partPrefix+"*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // once it is renamed, nothing is there
	hash := sha256.New()
	e.Size, err = io.Copy(io.MultiWriter(part, hash), io.LimitReader(from, MaxSize+1))
	if err == nil && e.Size > MaxSize {
		err = errors.New("it grew while it was read")
	}
	e.SHA256 = hex.EncodeToString(hash.Sum(nil))
	name := b.store.content(e.SHA256)
	_, missing := os.Lstat(name)
	if err == nil && missing != nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	if missing != nil {
		if err := os.Rename(part.Name(), name); err != nil {
			return err
		}
	}
	e.Time = b.store.Clock().UTC().Truncate(time.Second)
	b.added, b.bytes = append(b.added, e), b.bytes+e.Size
	return nil
}

// Commit puts the batch on disk.
func (b *Batch) Commit() error {
	if len(b.added) == 0 {
		return nil
	}
	return b.store.change(func(i *index) {
		for _, e := range b.added {
			i.Next++
			e.ID = i.Next
			// A file that changes to and fro has one copy of each state, the latest.
			if at := i.latest(e.Path); at >= 0 && i.Entries[at].same(e) {
				i.Entries = slices.Delete(i.Entries, at, at+1)
			}
			i.Entries = append(i.Entries, e)
		}
	})
}

// Secrets says which files hold secrets. Copies of these are removed, and none is kept from
// now on, whatever removes the file. Backups whose list is damaged are put aside, which is an
// error once.
func (s *Store) Secrets(names []string) error {
	i, damaged := s.read()
	if errors.Is(damaged, errDamaged) {
		damaged = fmt.Errorf("%w: the backups are in %s.damaged now", damaged, s.Folder)
		var err error
		if i, err = s.writable(); err != nil {
			return err
		}
	} else if damaged != nil {
		return damaged
	}
	for _, name := range names {
		if _, known := slices.BinarySearch(i.Secrets, name); !known && len(i.Secrets) < maxEntries {
			return errors.Join(damaged, s.change(func(i *index) { i.secrets(names) }))
		}
	}
	return damaged
}

func (i *index) secrets(names []string) {
	i.Secrets = append(i.Secrets, names...)
	slices.Sort(i.Secrets)
	i.Secrets = slices.Compact(i.Secrets)
	i.Secrets = i.Secrets[:min(len(i.Secrets), maxEntries)]
	i.Entries = slices.DeleteFunc(i.Entries, func(e Entry) bool { return slices.Contains(names, e.Path) })
}

// bound drops the oldest entries that don't fit, and returns the contents that the rest needs.
func (i *index) bound(most int64, entries int) (needed map[string]bool) {
	needed, ofFile, all := map[string]bool{}, map[string]int{}, int64(0)
	var kept []Entry
	for _, e := range slices.Backward(i.Entries) {
		if ofFile[e.Path] == maxOfFile {
			continue
		}
		size := e.Size
		if needed[e.SHA256] {
			size = 0
		}
		if len(kept) == cmp.Or(entries, maxEntries) || all+size > cmp.Or(most, maxBytes) {
			break
		}
		kept, needed[e.SHA256], all = append(kept, e), true, all+size
		ofFile[e.Path]++
	}
	slices.Reverse(kept)
	i.Entries = kept
	return needed
}
