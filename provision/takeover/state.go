package takeover

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/state"
	"rackhand/provision/store"
)

// DatabaseFile is the database's name in the state folder.
const DatabaseFile = state.Database

// ErrRuns means that an appliance has the database open.
var ErrRuns = errors.New("an appliance runs on it: stop it first")

// A Result says what State did.
type Result struct {
	Changed int    // files and folders that had another owner
	Copy    string // of the database as it was; "" when its owner was right
}

// State gives a state folder to an owner. The database is first copied beside itself, in case
// the new service can't go on with it. A folder that is right already is left alone.
func State(dir string, to Owner, now time.Time) (Result, error) {
	var r Result
	path := filepath.Join(dir, DatabaseFile)
	db, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err == nil {
		defer db.Close()
		info, err := db.Stat()
		if err != nil {
			return r, err
		}
		if !info.Mode().IsRegular() {
			return r, fmt.Errorf("%s is not a file", path)
		}
		if used, err := store.InUse(db); err != nil {
			return r, err
		} else if used {
			return r, fmt.Errorf("%s: %w", path, ErrRuns)
		}
		if !owned(info, to) {
			r.Copy = path + ".before-takeover-" + now.UTC().Format("20060102T150405Z")
			if err := copyTo(r.Copy, db); err != nil {
				return r, fmt.Errorf("copy the database: %w", err)
			}
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return r, err
	} else if _, err := os.Stat(dir); err == nil && filepath.Base(filepath.Clean(dir)) != "rackhand" {
		return r, fmt.Errorf("%s has no %s, so it is not taken for a state folder, and nothing was changed", dir, DatabaseFile)
	}
	r.Changed, err = Tree(dir, to)
	return r, err
}

func copyTo(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Sync(), f.Close())
}
