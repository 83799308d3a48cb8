package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"rackhand/config"
	"rackhand/provision/store"
)

// A Taker makes backups of an appliance that may be running.
type Taker struct {
	Store    store.Store
	Config   *config.Config
	Settings string // path of rackhand.yaml
	Version  string
	Clock    func() time.Time

	mu sync.Mutex
}

// copyName is the copy of the database while an archive is written, in the state folder.
const copyName = ".backup.db"

// Take writes an archive. The database is copied first, so that a slow reader of the archive
// holds nothing up. A second one at the same time is ErrUnderWay.
func (t *Taker) Take(ctx context.Context, to io.Writer) (c Contents, err error) {
	if !t.mu.TryLock() {
		return c, ErrUnderWay
	}
	defer t.mu.Unlock()
	places, err := PlacesOf(t.Config, t.Settings)
	if err != nil {
		return c, err
	}
	path := filepath.Join(t.Config.State, copyName)
	defer func() {
		if removed := os.Remove(path); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	if err := store.Copy(t.Store, path); err != nil {
		return c, err
	}
	machine, err := os.Hostname()
	if err != nil {
		return c, err
	}
	return Write(ctx, to, Manifest{Version: t.Version, Machine: machine, Time: t.Clock().UTC(), Places: places}, path)
}

// PlacesOf are where the parts of an appliance with these settings lie.
func PlacesOf(cfg *config.Config, settings string) (p Places, err error) {
	for _, one := range []struct {
		to   *string
		path string
	}{{&p.State, cfg.State}, {&p.Settings, settings}, {&p.Inventory, cfg.Inventory}, {&p.Secrets, cfg.Secrets}, {&p.AgeFile, cfg.Age.File}, {&p.AgeIdentity, cfg.Age.Identity}} {
		if one.path == "" {
			continue
		}
		if *one.to, err = filepath.Abs(one.path); err != nil {
			return p, err
		}
	}
	return p, nil
}
