package mirror

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// An indexSet holds the names of the stored indexes of an upstream, and the view made from
// them. The view is made on demand, by one goroutine at a time, and again after an index
// came or went.
type indexSet struct {
	mu      sync.Mutex
	files   map[string]time.Time // path -> when it was stored; nil until the folder was read
	version int                  // of files
	view    *view
	reading chan struct{} // closed when the reading under way ends; otherwise nil
}

// viewPatience is how long a client waits for the indexes to be read. Debian's take a
// second; package managers give up after 30.
const viewPatience = 10 * time.Second

// view returns what the stored indexes of an upstream say. When ctx ends before they are
// read, it returns the previous view, or nil.
func (c *Cache) view(ctx context.Context, upstream string) *view {
	s := c.indexSets[upstream]
	for {
		s.mu.Lock()
		v := s.view
		if v != nil && v.version == s.version {
			s.mu.Unlock()
			return v
		}
		if s.reading == nil && !c.readIndexes(s, upstream) {
			s.mu.Unlock()
			return v
		}
		done := s.reading
		s.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return v
		}
	}
}

// readIndexes starts to make a view. It returns false when the cache is closing. The
// caller holds the lock of the index set.
func (c *Cache) readIndexes(s *indexSet, upstream string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.running.Add(1)
	done := make(chan struct{})
	s.reading = done
	go func() {
		defer c.running.Done()
		defer close(done)
		s.mu.Lock()
		if s.files == nil {
			s.files = c.storedIndexes(upstream)
		}
		r := viewBuilder{c: c, ctx: c.ctx, upstream: upstream, files: maps.Clone(s.files)}
		if s.view != nil {
			for _, g := range s.view.groups {
				r.known = append(r.known, g.tables...)
			}
		}
		version := s.version
		s.mu.Unlock()
		v := r.view()
		v.version = version
		s.mu.Lock()
		s.view, s.reading = v, nil
		s.mu.Unlock()
	}()
	return true
}

// storedIndexes finds the stored indexes of an upstream, and when each was stored.
func (c *Cache) storedIndexes(upstream string) map[string]time.Time {
	files := map[string]time.Time{}
	err := c.walk(func(m meta, _ fs.FileInfo) {
		if m.Upstream == upstream && isIndex(m.Path) {
			files[m.Path] = m.Stored
		}
	})
	if err != nil {
		c.o.Log.Warn("mirror: the cache can't be looked through", "error", err)
	}
	return files
}

// noteIndex notes when an index was stored. The zero time says that it was removed.
func (c *Cache) noteIndex(upstream, file string, since time.Time) {
	if !isIndex(file) {
		return
	}
	s := c.indexSets[upstream]
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.files[file]
	switch {
	case s.files == nil: // the first reading will find it
	case since.IsZero() && !known:
		return
	case since.IsZero():
		delete(s.files, file)
	default:
		s.files[file] = since
	}
	s.version++
}

// indexesNow is the version of an upstream's indexes: it changes when one comes or goes.
func (c *Cache) indexesNow(upstream string) int {
	s := c.indexSets[upstream]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// walk calls each for every stored file. It skips files that can't be read: the next
// request for one reports it.
func (c *Cache) walk(each func(meta, fs.FileInfo)) error {
	return filepath.WalkDir(c.files(), func(name string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // nothing is stored yet, or it was replaced meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return nil
		}
		defer f.Close()
		m, err := readMeta(f)
		if err != nil || c.indexSets[m.Upstream] == nil {
			return nil
		}
		if name != c.file(m.Upstream, m.Path) { // an older version of the cache wrote literal names
			m.Path = literal("", m.Path)
		}
		if name != c.file(m.Upstream, m.Path) {
			return nil
		}
		info, err := f.Stat()
		if err != nil {
			return nil
		}
		each(m, info)
		return nil
	})
}
