package mirror

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// touch notes the use of a file in its modification time, at most once an hour, for prune.
func (c *Cache) touch(k *storedFile) {
	now := c.o.Clock()
	if info, err := k.f.Stat(); err == nil && now.Sub(info.ModTime()) > time.Hour {
		if err := os.Chtimes(k.f.Name(), now, now); err != nil {
			c.o.Log.Debug("mirror: a file's use wasn't noted", "error", err)
		}
	}
}

// prune measures the cache. When it holds more than room bytes, prune removes the least
// recently used files until a tenth of the cache is free as well. It returns the number of
// bytes that are left.
func (c *Cache) prune(room int64) int64 {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var (
		list  []file
		total int64
	)
	err := filepath.WalkDir(c.files(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil // it was replaced meanwhile
		}
		list = append(list, file{path, info.Size(), info.ModTime()})
		total += info.Size()
		return nil
	})
	if err != nil {
		c.o.Log.Warn("mirror: the cache can't be measured", "error", err)
	}
	if total <= room {
		return total
	}
	slices.SortFunc(list, func(a, b file) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path)) })
	for _, f := range list {
		if total <= max(room-c.o.MaxBytes/10, 0) {
			break
		}
		if err := os.Remove(f.path); err != nil {
			c.o.Log.Warn("mirror: a file can't be removed", "error", err)
			continue
		}
		total -= f.size
	}
	return total
}
