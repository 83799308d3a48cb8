package converge

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rackhand/provision/converge/backup"
)

// Backups are the copies of files that the agent keeps, the oldest first.
func (a *Agent) Backups() ([]backup.Entry, error) {
	return (&backup.Store{Folder: a.Paths.Backups()}).List()
}

// Restored is what came of a restore.
type Restored struct {
	backup.Entry
	// Changed is false if the file was like that already.
	Changed bool
	// Declared is the id of the resource of the kept catalog that the file belongs to, which
	// the next run brings about; "" for none.
	Declared string
}

// Restore puts a copy of a file back: the one with an id, the file as it was at a time, or
// the latest. It waits for a run to end.
func (a *Agent) Restore(ctx context.Context, name string, id int, at time.Time) (Restored, error) {
	unlock, err := a.lock(ctx)
	if err != nil {
		return Restored{}, err
	}
	defer unlock()
	out := Restored{}
	// A host whose CA is lost, say, can restore its files.
	if settings, _, _, _ := readSettings(a.Paths); settings.Host != "" {
		c, err := a.keptCatalog(settings.Host)
		if err != nil {
			return out, fmt.Errorf("whether the file holds a secret is not known: %w", err)
		}
		if c != nil {
			if err := a.Engine.Files.Begin(c); err != nil {
				return out, err
			}
			for _, r := range c.Resources {
				if slices.Contains(r.Paths(), name) {
					out.Declared = r.ID
				}
			}
		}
	}
	entries, err := a.Backups()
	if err != nil {
		return out, err
	}
	if out.Entry, err = backup.Find(entries, name, id, at); err != nil {
		return out, err
	}
	out.Changed, err = a.Engine.Files.Restore(ctx, out.Entry)
	if err != nil {
		return out, fmt.Errorf("restoring %s: %w", name, err)
	}
	return out, nil
}

// Disabled reports whether the agent makes no runs for now.
func (a *Agent) Disabled() bool { return a.disabled() != nil }
