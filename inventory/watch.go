package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the folder must be quiet before it is loaded: an editor
// writes, renames and touches within some ten milliseconds.
const settle = 200 * time.Millisecond

// maxWait is how long a folder that never gets quiet is waited for.
const maxWait = 5 * settle

// A Watcher loads the inventory when it begins, whenever a file changes, and on
// [Watcher.Reload].
type Watcher struct {
	// Dir is the inventory's folder; its roles/, templates/ and
	// templates/files/ are watched too.
	Dir string
	// Load loads it, with everything that belongs to it (roles, templates).
	Load func() (*Snapshot, Problems)
	// OnLoad is called for every load, one at a time; as with Load, the snapshot is
	// nil when there are problems.
	OnLoad func(*Snapshot, Problems)
	Log    *slog.Logger
	// After is the clock; nil is time.After.
	After func(time.Duration) <-chan time.Time

	once   sync.Once
	reload chan struct{}
}

// Reload asks for a load now, as SIGHUP does. It doesn't wait.
func (w *Watcher) Reload() {
	select {
	case w.asked() <- struct{}{}:
	default: // one is pending already, and will see all there is
	}
}

func (w *Watcher) asked() chan struct{} {
	w.once.Do(func() { w.reload = make(chan struct{}, 1) })
	return w.reload
}

// Run watches until ctx ends; then it returns nil. A folder that isn't there yet,
// or goes away, is a problem of the load and no end of the watch.
func (w *Watcher) Run(ctx context.Context) error {
	dir, err := filepath.Abs(w.Dir)
	if err != nil {
		return fmt.Errorf("inventory %s: %w", w.Dir, err)
	}
	after := w.After
	if after == nil {
		after = time.After
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the inventory: %w (raise fs.inotify.max_user_instances)", err)
	}
	defer notify.Close()
	paths := []string{
		dir, filepath.Join(dir, "roles"), filepath.Join(dir, "templates"),
		filepath.Join(dir, "templates", "files"),
	}
	// A watch on the folder above shows when the folder itself is made or replaced.
	if err := notify.Add(filepath.Dir(dir)); err != nil {
		w.Log.Warn("the folder above the inventory can't be watched: if the inventory is replaced whole, reload it", "error", err)
	}

	// quiet fires when nothing has happened for a while, late when things go on
	// happening; both nil when nothing is due.
	var quiet, late <-chan time.Time
	load := func() {
		quiet, late = nil, nil
		w.load(notify, paths)
	}
	load()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.asked():
			load()
		case <-quiet:
			load()
		case <-late:
			load()
		case e, ok := <-notify.Events:
			if !ok {
				return errors.New("watch the inventory: the watch ended")
			}
			if !concerns(dir, e.Name) {
				continue
			}
			quiet = after(settle)
			if late == nil {
				late = after(maxWait)
			}
		case err, ok := <-notify.Errors:
			if !ok {
				return errors.New("watch the inventory: the watch ended")
			}
			// Too many events at once: some were lost, so look.
			w.Log.Warn("watching the inventory", "error", err)
			quiet = after(settle)
		}
	}
}

// load sets the watches again, because a folder may have been replaced by another
// of the same name, and loads after that, so that no change falls in between.
func (w *Watcher) load(notify *fsnotify.Watcher, paths []string) {
	for _, path := range paths {
		// An error means that it wasn't watched.
		_ = notify.Remove(path)
		if err := notify.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.Log.Warn("part of the inventory can't be watched: reload after a change", "path", path, "error", err)
		}
	}
	w.OnLoad(w.Load())
}

// concerns reports whether a change of a path can change the inventory. The
// folder above is watched only for the folder itself. Files that editors leave beside the
// inventory's don't matter.
func concerns(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	if rel == "." || rel == "roles" || rel == "templates" {
		return true
	}
	base := filepath.Base(rel)
	if strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~") {
		return false
	}
	return base != rel || IsPart(rel)
}
