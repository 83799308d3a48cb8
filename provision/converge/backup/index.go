package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	indexName  = "index.json"
	maxIndex   = 32 << 20 // bytes
	partPrefix = ".part-"
)

// index lists the copies, the oldest first.
type index struct {
	Next    int      `json:"next"` // the latest id
	Entries []Entry  `json:"entries"`
	Secrets []string `json:"secrets,omitempty"` // files that have held secrets, sorted
}

// latest is the place of the latest copy of a file; -1 for none.
func (i *index) latest(name string) int {
	for at, e := range slices.Backward(i.Entries) {
		if e.Path == name {
			return at
		}
	}
	return -1
}

// errDamaged: the index can't be read as JSON.
var errDamaged = errors.New("the list of backups is damaged")

// writable is read for a change. A folder with a damaged index is put aside.
func (s *Store) writable() (*index, error) {
	i, err := s.read()
	if !errors.Is(err, errDamaged) {
		return i, err
	}
	aside := s.Folder + ".damaged"
	if err := errors.Join(os.RemoveAll(aside), os.Rename(s.Folder, aside)); err != nil {
		return nil, fmt.Errorf("moving damaged backups away: %w", err)
	}
	return &index{}, nil
}

// read reads the index; without one it is empty.
func (s *Store) read() (*index, error) {
	i := &index{}
	f, err := os.Open(filepath.Join(s.Folder, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return i, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err == nil && len(b) > maxIndex {
		err = fmt.Errorf("it has more than %d bytes", maxIndex)
	}
	if err == nil {
		err = json.Unmarshal(b, i)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errDamaged, f.Name(), err)
	}
	return i, nil
}

// change changes the index on disk, and removes what it doesn't name any more.
func (s *Store) change(with func(*index)) error {
	i, err := s.writable()
	if err == nil {
		err = os.MkdirAll(s.Folder, 0o700)
	}
	if err != nil {
		return err
	}
	with(i)
	needed := i.bound(s.Bytes, s.Entries)
	b, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if err := s.replace(b); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.Folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); !needed[name] && (len(name) == 64 || strings.HasPrefix(name, partPrefix)) {
			err = errors.Join(err, os.Remove(s.content(name)))
		}
	}
	return err
}

// replace puts an index in place of the old one, on disk.
func (s *Store) replace(b []byte) error {
	part, err := os.CreateTemp(s.Folder, partPrefix+"*")
	if err != nil {
		return err
	}
	_, err = part.Write(b)
	err = errors.Join(err, part.Sync(), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), filepath.Join(s.Folder, indexName))
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	dir, err := os.Open(s.Folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
