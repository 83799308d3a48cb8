package mirror

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Run lives until ctx ends; then it ends every fetch that is under way and waits
// for them. Afterwards the cache fetches nothing more.
func (c *Cache) Run(ctx context.Context) error {
	<-ctx.Done()
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	c.running.Wait()
	return nil
}

// checked notes that a path was asked about at a time. The notes are in memory alone:
// after a start every index is asked for once. They are few, one an index and one a
// package that an index made doubtful; should a client ask for thousands, all are
// forgotten and asked for again.
func (c *Cache) checked(upstream, path string, at check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) > 10_000 {
		clear(c.seen)
	}
	c.seen[upstream+path] = at
}

// A check is when a file was asked about.
type check struct {
	time    time.Time
	indexes int // the version of the upstream's indexes then
}

// checkNow is a check that begins.
func (c *Cache) checkNow(upstream string) check {
	return check{c.o.Clock(), c.indexesNow(upstream)}
}

func (c *Cache) checkedAt(k *kept) check {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.seen[k.Upstream+k.Path]; ok {
		return at
	}
	return check{indexes: -1}
}

// touch notes the use of a file in its time of change, hour by hour, for prune.
func (c *Cache) touch(k *kept) {
	now := c.o.Clock()
	if info, err := k.f.Stat(); err == nil && now.Sub(info.ModTime()) > time.Hour {
		if err := os.Chtimes(k.f.Name(), now, now); err != nil {
			c.o.Log.Debug("mirror: a file's use wasn't noted", "error", err)
		}
	}
}

// prune measures the cache and, when it has more than room bytes, removes what was used
// longest ago until a tenth of the cache is free beside. It answers how much is left.
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
			return nil // It was replaced while we looked.
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
